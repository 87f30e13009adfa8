"""Ordering and cancelling over HTTP."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient, Response

from common.contracts.events import OrderCancelled, OrderCreated
from common.contracts.ids import new_id
from devstack.testing import BusPeer, Session, SignIn
from devstack.ticket_history import TicketHistory
from orders.domain import Order
from orders.repository import OrderRepository

ARRIVAL_SECONDS = 0.3
NOT_FOUND = {"errors": [{"message": "Not Found"}]}
RESERVED = {"errors": [{"message": "Ticket is already reserved"}]}
SOMEBODY_ELSES = {"errors": [{"message": "This is somebody else's order"}]}


async def place(client: AsyncClient, who: Session, ticket_id: object) -> Response:
    """Press Purchase."""
    return await client.post("/api/orders", json={"ticketId": ticket_id}, headers=who.headers)


async def placed(client: AsyncClient, who: Session, ticket: TicketHistory) -> str:
    """The path of an order that has just been placed."""
    answer = await place(client, who, ticket.id)
    assert answer.status_code == 201, answer.text
    return f"/api/orders/{answer.json()['id']}"


async def test_an_order_holds_a_ticket_and_announces_it(
    client: AsyncClient, peer: BusPeer, ticket: TicketHistory, buyer: Session
) -> None:
    answer = await place(client, buyer, ticket.id)
    assert answer.status_code == 201
    order = answer.json()
    assert order == {
        "id": order["id"],
        "status": "created",
        "userId": buyer.id,
        "expiresAt": order["expiresAt"],
        "ticket": {"id": ticket.id, "title": "Concert 0", "price": 10, "version": 0},
        "version": 0,
        "history": [{"status": "created", "at": order["history"][0]["at"]}],
    }
    assert await peer.wait_for(OrderCreated) == [OrderCreated.model_validate(order)]
    shown = await client.get(f"/api/orders/{order['id']}", headers=buyer.headers)
    assert (shown.status_code, shown.json()) == (200, order)


async def test_an_order_expires_after_the_window(
    client: AsyncClient, ticket: TicketHistory, buyer: Session
) -> None:
    before = datetime.now(UTC)
    text = (await place(client, buyer, ticket.id)).json()["expiresAt"]
    until = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert len(text) == len("2030-01-01T00:00:00.000Z")
    assert abs(until - before - timedelta(minutes=15)) < timedelta(seconds=5)


@pytest.mark.parametrize("wrong", ["", None, 7, "abc", "F" * 24, "0" * 25, ["0" * 24]])
async def test_a_wrong_ticket_id_is_named(
    client: AsyncClient, buyer: Session, wrong: object
) -> None:
    answer = await place(client, buyer, wrong)
    assert answer.status_code == 400
    assert answer.json() == {
        "errors": [{"message": "TicketId must be provided", "field": "ticketId"}]
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/orders"),
        ("GET", "/api/orders"),
        ("GET", f"/api/orders/{'0' * 24}"),
        ("DELETE", f"/api/orders/{'0' * 24}"),
    ],
)
async def test_strangers_must_sign_in_first(client: AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"message": "Not authorized"}]}


@pytest.mark.parametrize("invented", ["0" * 24, "f" * 24])
async def test_an_invented_ticket_is_not_found_at_once(
    client: AsyncClient, buyer: Session, invented: str
) -> None:
    async with asyncio.timeout(1):
        answer = await place(client, buyer, invented)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


async def test_a_ticket_may_be_ordered_before_it_arrives(
    client: AsyncClient, peer: BusPeer, buyer: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "common.web.read_your_writes.REPLICATION_SECONDS", 60
    )  # this machine may be busy
    ticket = TicketHistory()
    ordering = asyncio.create_task(place(client, buyer, ticket.id))
    await asyncio.sleep(ARRIVAL_SECONDS)  # so long the event is on its way
    assert not ordering.done()
    await peer.publish(ticket.event(0))
    assert (await ordering).status_code == 201


async def test_one_of_many_orders_at_once_wins(
    client: AsyncClient, peer: BusPeer, ticket: TicketHistory, sign_in: SignIn
) -> None:
    answers = await asyncio.gather(*(place(client, sign_in(), ticket.id) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert [answer.json() for answer in answers if answer.is_error] == [RESERVED] * 19
    [winner] = [answer.json() for answer in answers if answer.is_success]
    assert [event.id for event in await peer.wait_for(OrderCreated)] == [winner["id"]]


async def test_one_buyer_may_hold_two_tickets(
    client: AsyncClient, orders: OrderRepository, ticket: TicketHistory, buyer: Session
) -> None:
    another = TicketHistory()
    await orders.apply_ticket_event(another.event(0))
    for each in (ticket, another):
        assert (await place(client, buyer, each.id)).status_code == 201


async def test_an_order_keeps_what_was_ordered(
    client: AsyncClient, orders: OrderRepository, ticket: TicketHistory, buyer: Session
) -> None:
    path = await placed(client, buyer, ticket)
    await orders.apply_ticket_event(ticket.event(1))
    shown = (await client.get(path, headers=buyer.headers)).json()
    assert shown["ticket"] == {"id": ticket.id, "title": "Concert 0", "price": 10, "version": 0}


async def test_a_cancelled_order_is_announced_once(
    client: AsyncClient, peer: BusPeer, ticket: TicketHistory, buyer: Session
) -> None:
    path = await placed(client, buyer, ticket)
    for _ in range(2):
        answer = await client.delete(path, headers=buyer.headers)
        assert (answer.status_code, answer.content) == (204, b"")
    shown = (await client.get(path, headers=buyer.headers)).json()
    assert (shown["status"], shown["cancelReason"], shown["version"]) == ("cancelled", "buyer", 1)
    [event] = await peer.wait_for(OrderCancelled)
    assert event == OrderCancelled.model_validate(shown)


async def test_cancelling_many_times_at_once_cancels_once(
    client: AsyncClient, ticket: TicketHistory, buyer: Session
) -> None:
    path = await placed(client, buyer, ticket)
    answers = await asyncio.gather(*(client.delete(path, headers=buyer.headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {204}
    assert (await client.get(path, headers=buyer.headers)).json()["version"] == 1


async def test_a_cancelled_ticket_can_be_ordered_again(
    client: AsyncClient, ticket: TicketHistory, sign_in: SignIn
) -> None:
    for buyer in (sign_in(), sign_in(), sign_in()):
        path = await placed(client, buyer, ticket)
        assert (await place(client, buyer, ticket.id)).json() == RESERVED
        await client.delete(path, headers=buyer.headers)


async def test_a_paid_order_cannot_be_cancelled(
    client: AsyncClient, orders: OrderRepository, ticket: TicketHistory, buyer: Session
) -> None:
    path = await placed(client, buyer, ticket)
    await orders.update(path.rpartition("/")[2], Order.complete)
    answer = await client.delete(path, headers=buyer.headers)
    assert answer.status_code == 409
    assert answer.json() == {"errors": [{"message": "Cannot cancel a paid order"}]}
    assert (await client.get(path, headers=buyer.headers)).json()["status"] == "complete"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_orders_of_others_are_forbidden(
    client: AsyncClient, ticket: TicketHistory, buyer: Session, sign_in: SignIn, method: str
) -> None:
    path = await placed(client, buyer, ticket)
    answer = await client.request(method, path, headers=sign_in().headers)
    assert (answer.status_code, answer.json()) == (403, SOMEBODY_ELSES)
    assert (await client.get(path, headers=buyer.headers)).json()["status"] == "created"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_order_is_not_found(
    client: AsyncClient, buyer: Session, method: str
) -> None:
    for order_id in (new_id(), "abc"):
        answer = await client.request(method, f"/api/orders/{order_id}", headers=buyer.headers)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
