"""Orders, and the replica of tickets, in MongoDB."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from common.aggregate_store import AggregateStore
from common.batch_loader import BatchLoader
from common.contracts.events import TicketCreated, TicketUpdated
from common.contracts.ids import created_at
from common.contracts.money import Price
from common.contracts.order_status import CancelReason, OrderStatus
from common.contracts.versions import VersionCheck, check_version
from common.errors import VersionGap
from common.gauges import COUNT_LIMIT
from common.mongo import Collection, Database, Document, DuplicateKey, Update
from orders.domain import Order, OrderNotFound, StatusChange, Ticket, TicketAlreadyReserved

NEWEST_FIRST = [("_id", -1)]
BY_EXPIRY = [("expiresAt", 1)]
OPEN: Document = {
    "status": {"$in": [each.value for each in OrderStatus if not each.is_final]},
}


def _to_document(order: Order) -> Document:
    return {
        "status": order.status.value,
        "cancelReason": order.cancel_reason and order.cancel_reason.value,
        "userId": order.user_id,
        "expiresAt": order.expires_at,
        "holdsTicket": order.holds_ticket,
        "ticket": {"id": order.ticket.id, **_ticket_fields(order.ticket)},
        "history": [_status_change_fields(change) for change in order.history],
    }


def _from_document(document: Document) -> Order:
    reason = document["cancelReason"]
    return Order(
        id=document["_id"],
        version=document["version"],
        status=OrderStatus(document["status"]),
        user_id=document["userId"],
        expires_at=document["expiresAt"],
        ticket=_ticket(document["ticket"]["id"], document["ticket"]),
        cancel_reason=CancelReason(reason) if reason else None,
        history=_history(document),
    )


def _status_change_fields(change: StatusChange) -> Document:
    reason = change.reason and change.reason.value
    return {"status": change.status.value, "at": change.at, "reason": reason}


def _history(document: Document) -> tuple[StatusChange, ...]:
    """Orders that were stored before there was a history have its first entry only."""
    first = {"status": OrderStatus.CREATED, "at": created_at(document["_id"]), "reason": None}
    return tuple(
        StatusChange(
            OrderStatus(change["status"]),
            change["at"],
            CancelReason(change["reason"]) if change["reason"] else None,
        )
        for change in document.get("history") or [first]
    )


def _ticket_fields(ticket: Ticket | TicketCreated | TicketUpdated) -> Document:
    return {"version": ticket.version, "title": ticket.title, "priceCents": ticket.price.cents}


def _ticket(ticket_id: str, document: Document) -> Ticket:
    price = Price(document["priceCents"])
    return Ticket(ticket_id, document["version"], document["title"], price)


def _update_of(event: TicketCreated | TicketUpdated) -> Update:
    """Optimistic concurrency: an update of the previous version; version 0 is an insert."""
    fields = _ticket_fields(event)
    if event.version == 0:
        return Update({"_id": event.id}, {"$setOnInsert": fields}, upsert=True)
    return Update({"_id": event.id, "version": event.version - 1}, {"$set": fields})


def _expired_before(before: datetime) -> Document:
    return {**OPEN, "expiresAt": {"$lte": before}}


def _is_known(event: TicketCreated | TicketUpdated, ticket: Document | None) -> bool:
    known = ticket["version"] if ticket else None
    return (
        check_version(event.version, onto=known, snapshot=event.snapshot) is VersionCheck.DUPLICATE
    )


class OrderRepository:
    """What the orders service owns."""

    def __init__(self, database: Database) -> None:
        self._orders = AggregateStore(
            database, "orders", to_document=_to_document, from_document=_from_document
        )
        self._tickets = database.collection("tickets")
        self._apply_loader = BatchLoader(self._apply_batch)

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents announce events."""
        return [self._orders.collection]

    async def prepare(self) -> None:
        """Create the indexes; the unique one is what keeps a ticket from being sold twice."""
        await self._orders.collection.ensure_index(
            [("ticket.id", 1)], unique=True, where={"holdsTicket": True}
        )
        await self._orders.collection.ensure_index([("userId", 1), ("_id", -1)])
        await self._orders.collection.ensure_index(BY_EXPIRY, where=OPEN)
        await self._orders.prepare()

    async def add(self, order: Order) -> None:
        """Store a new order, which reserves its ticket; raises TicketAlreadyReserved."""
        try:
            await self._orders.add(order)
        except DuplicateKey as error:
            raise TicketAlreadyReserved from error

    async def get(self, order_id: str) -> Order:
        """The order; raises OrderNotFound."""
        if order := await self._orders.get(order_id):
            return order
        raise OrderNotFound

    async def update(self, order_id: str, decide: Callable[[Order], Order]) -> Order:
        """Store what the domain decides; raises OrderNotFound and whatever it refuses with."""
        if order := await self._orders.update(order_id, decide):
            return order
        raise OrderNotFound

    async def list_after(self, order_id: str, limit: int) -> list[Order]:
        """The next page of orders, sorted by id."""
        return await self._orders.list_after(order_id, limit)

    async def overdue(self, before: datetime, limit: int) -> list[Order]:
        """Open orders that expired before this time, the longest overdue first."""
        return await self._orders.find(_expired_before(before), sort=BY_EXPIRY, limit=limit)

    async def count_overdue(self, before: datetime) -> int:
        """The number of overdue orders, counted up to `COUNT_LIMIT`."""
        return await self._orders.collection.count(_expired_before(before), limit=COUNT_LIMIT)

    async def list_by_buyer(
        self, user_id: str, statuses: Iterable[OrderStatus], older_than: str | None, limit: int
    ) -> list[Order]:
        """A buyer's orders with one of the statuses, newest first."""
        query: Document = {"userId": user_id, "status": {"$in": sorted(statuses)}}
        if older_than:
            query["_id"] = {"$lt": older_than}
        return await self._orders.find(query, sort=NEWEST_FIRST, limit=limit)

    async def ticket(self, ticket_id: str) -> Ticket | None:
        """The replica of the ticket; None if no event of it has been applied."""
        document = await self._tickets.get(ticket_id)
        return _ticket(ticket_id, document) if document else None

    async def apply_ticket_event(self, event: TicketCreated | TicketUpdated) -> None:
        """Apply the next version to the replica; raises VersionGap for an early one."""
        fields = _ticket_fields(event)
        if event.snapshot:
            await self._apply_snapshot(event.id, fields)
            return
        if not await self._apply_loader.load(event):
            raise VersionGap(f"ticket {event.id} is not at version {event.version - 1} yet")

    async def _apply_batch(
        self, events: Sequence[TicketCreated | TicketUpdated]
    ) -> list[bool | Exception]:
        """Whether each event is applied now; reads the versions only if an update failed."""
        written = await self._tickets.bulk_update([_update_of(event) for event in events])
        if written.found == len(events):
            return [True] * len(events)
        known = await self._tickets.get_many(event.id for event in events)
        return [
            _is_known(event, known.get(event.id)) or written.failed.get(position, False)
            for position, event in enumerate(events)
        ]

    async def _apply_snapshot(self, ticket_id: str, fields: Document) -> None:
        """Replace the replica by the snapshot, unless the replica is newer."""
        not_newer = {"_id": ticket_id, "version": {"$lte": fields["version"]}}
        try:
            await self._tickets.update(not_newer, {"$set": fields}, upsert=True)
        except DuplicateKey:  # a newer version exists, or another process inserts it now
            await self._tickets.update(not_newer, {"$set": fields})
