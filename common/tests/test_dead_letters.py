"""What could not be handled is kept for a person, and holds nobody up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from nats.js.api import RawStreamMsg

from common.contracts.events import TicketUpdated
from common.contracts.ids import new_id
from common.contracts.subjects import Subject
from common.messaging.consumer import MAX_DELIVERIES
from common.messaging.streams import DEAD_LETTERS
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.testing import BusPeer, eventually

Stored = Callable[[str], Awaitable[list[RawStreamMsg]]]

HEARD = Subject.TICKET_UPDATED
WHOLE = Tally("a" * 24).to_event().to_json().encode()


async def never(_event: TicketUpdated, _: object) -> None:
    """A handler for what must not be handled."""
    raise AssertionError("it was handled")


async def test_a_defect_is_dead_lettered_after_ten_deliveries(
    nats_url: str, peer: BusPeer, stored: Stored
) -> None:
    tried: list[TicketUpdated] = []

    async def fail(event: TicketUpdated, _: object) -> None:
        tried.append(event)
        raise ValueError("no such\nseat in Zürich")

    tally = Tally.new()
    async with consuming(nats_url, {HEARD: fail}):
        await peer.publish(tally.to_event())
        await peer.wait_acked_by(SERVICE)
    assert tried == [tally.to_event()] * 10
    [letter] = await stored(DEAD_LETTERS)
    assert letter.subject == "dead-letters.tallies"
    assert letter.data == tally.to_event().to_json().encode()
    headers = letter.headers or {}
    kept_at = datetime.fromisoformat(headers.pop("Dead-Letter-Time"))
    assert datetime.now(UTC) - kept_at < timedelta(minutes=1)
    assert {name: text for name, text in headers.items() if name.startswith("Dead")} == {
        "Dead-Letter-Reason": r"ValueError: no such seat in Z\xfcrich",
        "Dead-Letter-Service": "tallies",
        "Dead-Letter-Subject": "ticket:updated",
        "Dead-Letter-Sequence": "1",
        "Dead-Letter-Attempts": "10",
    }
    assert headers["ce-subject"] == tally.id
    assert headers["ce-source"] == "/peer"


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b" ", {}, "unreadable: Expecting value"),
        (b'{"id": ', {}, "unreadable: Expecting value"),
        (b"\xff\xfe", {}, "unreadable: 'utf-8' codec"),
        (b"[" * 9_000, {}, "unreadable: maximum recursion depth"),
        (b"[]", {}, "unreadable: 1 validation error for TicketUpdated"),
        (b"{}", {}, "unreadable: 5 validation errors for TicketUpdated"),
        (WHOLE.replace(b"version", b"Version"), {}, "version Field required"),
        (WHOLE.replace(b"19.99", b"19.999"), {}, "at most two decimals"),
        (WHOLE.replace(b"a" * 24, rb"Z\u00fcrich \ud800"), {}, "string_unicode"),
        (WHOLE, {"ce-schemaversion": "2"}, "unreadable: schema version 2 is not known"),
        (WHOLE, {"ce-schemaversion": "\u0662"}, r"unreadable: schema version \u0662 is"),
        (WHOLE, {"ce-schemaversion": "two"}, "unreadable: invalid literal for int()"),
    ],
)
async def test_the_unreadable_becomes_a_dead_letter_at_once(
    nats_url: str,
    peer: BusPeer,
    stored: Stored,
    body: bytes,
    headers: dict[str, str],
    reason: str,
) -> None:
    async with consuming(nats_url, {HEARD: never}):
        await peer.publish_raw(HEARD, body, {"ce-id": "x", **headers})
        await peer.wait_acked_by(SERVICE)
    letters = await stored(DEAD_LETTERS)  # the peer could not read it either
    [letter] = [each for each in letters if each.subject == f"dead-letters.{SERVICE}"]
    assert letter.headers
    assert letter.data == body
    assert reason in letter.headers["Dead-Letter-Reason"]
    assert letter.headers["Dead-Letter-Attempts"] == "1"
    assert letter.headers["ce-id"] == "x"


async def test_a_poison_does_not_delay_the_others(
    nats_url: str, peer: BusPeer, stored: Stored
) -> None:
    poison, heard = Tally.new(), set[str]()
    tried, may_end = count(1), asyncio.Event()

    async def hear(event: TicketUpdated, _: object) -> None:
        if event.id == poison.id:
            if next(tried) == MAX_DELIVERIES:  # its last one: it is given up after the others
                await may_end.wait()
            raise ValueError("poison")
        heard.add(event.id)

    async def all_others() -> bool:
        return heard == others

    others = {new_id() for _ in range(200)}
    async with consuming(nats_url, {HEARD: hear}):
        await peer.publish(poison.to_event())
        for identity in others:
            await peer.publish(Tally(identity).to_event())
        await eventually(all_others)
        assert await stored(DEAD_LETTERS) == []
        may_end.set()


async def test_a_reason_quotes_nothing_of_the_body(
    nats_url: str, peer: BusPeer, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    async with consuming(nats_url, {HEARD: never}):
        await peer.publish_raw(HEARD, b'{"id": "somebody@ticketing.test"}', {})
        await peer.wait_acked_by(SERVICE)
    for letter in await stored(DEAD_LETTERS):
        assert "validation errors" in (letter.headers or {})["Dead-Letter-Reason"]
        assert "somebody" not in (letter.headers or {})["Dead-Letter-Reason"]
    assert "validation errors" in str([vars(record) for record in caplog.records])
    assert "somebody" not in str([vars(record) for record in caplog.records])
