"""Histories: what users read, and the stream published, is never rolled back."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from tests.chaos.observations import Observations
from tests.chaos.reads import GONE, Read, reads

from common.mongo import Document

MAY_FOLLOW = {
    "sold": {"sold"},
    "awaiting:payment": {"awaiting:payment", "complete", "cancelled"},
    "complete": {"complete"},
    "cancelled": {"cancelled"},
    "authorized": {"authorized", "captured", "voided", "refunded"},
    "captured": {"captured", "refunded"},
    "declined": {"declined", "voided"},
    "voided": {"voided"},
    "refunded": {"refunded"},
}
"""After these words of tickets, orders and payments not everything can be shown any more."""

Version = tuple[str, str, int]
"""Of what kind, of which, and its number."""


def complete_stays_complete(observed: Observations) -> Iterator[tuple[str, str]]:
    """Who was shown a complete order, or a captured payment, keeps the order and its ticket."""
    told = {
        read.entity
        for read in reads(observed.answers)
        if (read.kind, read.status) in {("order", "complete"), ("payment", "captured")}
    }
    for order_id in sorted(told):
        order = observed.orders.get(order_id, {})
        ticket = observed.tickets.get(order.get("ticket", {}).get("id", ""), {})
        if order.get("status") != "complete":
            yield order_id, f"was shown as complete, and is {order.get('status')}"
        elif ticket.get("orderId") != order_id:
            yield order_id, f"was shown as complete, and its ticket is of {ticket.get('orderId')}"


def a_ticket_is_complete_once(observed: Observations) -> Iterator[tuple[str, str]]:
    """No two orders of a ticket are complete, or ever were said to be."""
    shown = [read.body for read in reads(observed.answers) if read.kind == "order"]
    told = [message.body for message in observed.messages if message.owner == "order"]
    stored = [{"id": order_id, **order} for order_id, order in observed.orders.items()]
    complete: defaultdict[str, set[str]] = defaultdict(set)
    for order in (*shown, *told, *stored):
        if order.get("status") == "complete":
            complete[order["ticket"]["id"]].add(order["id"])
    for ticket_id, orders in complete.items():
        if len(orders) > 1:
            yield ticket_id, f"was complete for {sorted(orders)}"


def reads_are_monotonic(observed: Observations) -> Iterator[tuple[str, str]]:
    """Whoever asks after an answer is shown the same or what came later; at once, either."""
    seen: defaultdict[tuple[str, str, str], list[Read]] = defaultdict(list)
    for read in reads(observed.answers):
        seen[read.who, read.kind, read.entity].append(read)
    for (who, _, entity), shown in seen.items():
        for before, after in combinations(shown, 2):
            if before.answered <= after.asked and _goes_back(before, after):
                was, then = (f"{each.status} at version {each.version}" for each in (before, after))
                yield entity, f"was {was} for {who}, and then {then}"


def _goes_back(before: Read, after: Read) -> bool:
    if GONE in {before.status, after.status}:
        return before.status != GONE
    if before.version is not None and after.version is not None and after.version < before.version:
        return True
    return after.status not in MAY_FOLLOW.get(before.status, {after.status})


def a_version_has_one_content(observed: Observations) -> Iterator[tuple[str, str]]:
    """Whichever messages announce it, on whatever subject, as a change or as a snapshot."""
    for (_, entity, version), contents in _announced(observed).items():
        if any(content != contents[0] for content in contents):
            yield entity, f"says different things of version {version}: {contents}"


def shown_versions_were_published(observed: Observations) -> Iterator[tuple[str, str]]:
    """Nobody is shown a version that never came to be, or another content of it.

    What was deleted with a stream may have been announced.
    """
    announced = _announced(observed)
    for read in reads(observed.answers):
        if read.version is None:
            continue
        shown = _content(read.kind, read.body)
        told = announced.get((read.kind, read.entity, read.version))
        if told is None and observed.is_whole:
            yield read.entity, f"was shown as {shown}, which was never announced"
        if told and any(shown[name] != told[0][name] for name in shown.keys() & told[0].keys()):
            yield read.entity, f"was shown as {shown}, and announced as {told[0]}"


def _announced(observed: Observations) -> dict[Version, list[Document]]:
    announced: defaultdict[Version, list[Document]] = defaultdict(list)
    for message in observed.messages:
        if message.announces is not None:
            content = _content(message.owner, message.body)
            announced[message.owner, message.entity, message.announces].append(content)
    return announced


def _content(owner: str, body: Document) -> Document:
    """In the words that events and answers share; what is absent shows in the status."""
    content = {name: value for name, value in body.items() if value is not None}
    content.pop("snapshot", None)
    if owner == "ticket":
        holds = "sold" if body.get("sold") else "held"
        content.setdefault("status", holds if body.get("orderId") else "free")
    if owner == "order":
        content["ticket"] = {name: body["ticket"][name] for name in ("id", "title", "price")}
    return content
