"""Selling tickets over HTTP."""

import asyncio
from datetime import UTC, datetime

import pytest
from httpx import AsyncClient

from common import aggregate_store
from common.contracts.events import OrderCreated, TicketCreated, TicketUpdated
from common.contracts.money import Price
from common.errors import Busy
from devstack.order_history import OrderHistory
from devstack.servers import NatsServer
from devstack.testing import BusPeer, Session, SignIn
from tickets.domain import Ticket
from tickets.repository import TicketRepository

NOW = datetime.now(UTC)

TITLE = {"message": "Title is required, with at most 200 characters", "field": "title"}
PRICE = {
    "message": "Price must be from 0.50 to 999999.99 US dollars with at most two decimals",
    "field": "price",
}
OPERA = {"title": "Opera", "price": 25}
FREE = {"status": "free"}


async def test_listing_a_ticket_announces_it(
    client: AsyncClient, peer: BusPeer, seller: Session
) -> None:
    answer = await client.post(
        "/api/tickets", json={"title": "  Concert ", "price": 19.99}, headers=seller.headers
    )
    assert answer.status_code == 201
    ticket = answer.json()
    assert ticket == {
        "id": ticket["id"],
        "title": "Concert",
        "price": 19.99,
        "userId": seller.id,
        "version": 0,
        "status": "free",
    }
    assert await peer.wait_for(TicketCreated) == [
        TicketCreated(
            id=ticket["id"], version=0, title="Concert", price=Price(1999), user_id=seller.id
        )
    ]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("20.00", 20), ("0.5", 0.5), (0.50, 0.5), (19.9, 19.9), (20, 20), (999999.99, 999999.99)],
)
async def test_a_price_may_be_a_number_or_text(
    client: AsyncClient, seller: Session, sent: object, shown: float
) -> None:
    body = {"title": "Concert", "price": sent}
    listed = await client.post("/api/tickets", json=body, headers=seller.headers)
    assert listed.status_code == 201
    ticket = (await client.get(f"/api/tickets/{listed.json()['id']}")).json()
    assert ticket["price"] == shown


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [
        ({"title": " \t"}, [TITLE]),
        ({"title": "x" * 201}, [TITLE]),
        ({"title": 7}, [TITLE]),
        ({"title": None}, [TITLE]),
        *(({"price": price}, [PRICE]) for price in (0, -1, 0.49, 1_000_000, 19.999, "free", True)),
        ({"price": None}, [PRICE]),
        ({"title": "", "price": ""}, [TITLE, PRICE]),
    ],
)
async def test_each_wrong_field_is_named(
    client: AsyncClient,
    ticket: Ticket,
    seller: Session,
    wrong: dict[str, object],
    problems: list[dict[str, str]],
) -> None:
    for method, path in (("POST", "/api/tickets"), ("PUT", f"/api/tickets/{ticket.id}")):
        answer = await client.request(method, path, json=OPERA | wrong, headers=seller.headers)
        assert (answer.status_code, answer.json()) == (400, {"errors": problems})
    assert [shown["version"] for shown in (await client.get("/api/tickets")).json()] == [0]


async def test_missing_fields_are_named(client: AsyncClient, seller: Session) -> None:
    answer = await client.post("/api/tickets", json={}, headers=seller.headers)
    assert (answer.status_code, answer.json()) == (400, {"errors": [TITLE, PRICE]})


@pytest.mark.parametrize("body", [OPERA, {}])
async def test_strangers_must_sign_in_first(client: AsyncClient, body: dict[str, object]) -> None:
    for method, path in (("POST", "/api/tickets"), ("PUT", f"/api/tickets/{'0' * 24}")):
        answer = await client.request(method, path, json=body)
        assert answer.status_code == 401
        assert answer.json() == {"errors": [{"message": "Not authorized"}]}


async def test_a_client_decides_nothing_else(client: AsyncClient, seller: Session) -> None:
    sent = OPERA | {"id": "f" * 24, "userId": "somebody", "version": 7, "orderId": "e" * 24}
    ticket = (await client.post("/api/tickets", json=sent, headers=seller.headers)).json()
    assert ticket == OPERA | {"id": ticket["id"], "userId": seller.id, "version": 0} | FREE
    assert ticket["id"] != sent["id"]


@pytest.mark.parametrize("ticket_id", ["0" * 24, "abc", "F" * 24])
async def test_an_unknown_ticket_is_not_found(
    client: AsyncClient, seller: Session, ticket_id: str
) -> None:
    path = f"/api/tickets/{ticket_id}"
    for answer in (
        await client.get(path),
        await client.put(path, json=OPERA, headers=seller.headers),
    ):
        assert (answer.status_code, answer.json()) == (
            404,
            {"errors": [{"message": "Not Found"}]},
        )


async def test_an_edit_is_shown_and_announced(
    client: AsyncClient, ticket: Ticket, peer: BusPeer, seller: Session
) -> None:
    path = f"/api/tickets/{ticket.id}"
    edited = await client.put(path, json=OPERA, headers=seller.headers)
    assert edited.status_code == 200
    assert edited.json() == OPERA | {"id": ticket.id, "userId": seller.id, "version": 1} | FREE
    assert (await client.get(path)).json() == edited.json()
    assert await peer.wait_for(TicketUpdated) == [
        TicketUpdated(id=ticket.id, version=1, title="Opera", price=Price(2500), user_id=seller.id)
    ]


async def test_full_outbox_rejects_edits_with_503(
    client: AsyncClient,
    ticket: Ticket,
    peer: BusPeer,
    nats_server: NatsServer,
    seller: Session,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aggregate_store, "MAX_PENDING", 5)
    [created] = await peer.wait_for(TicketCreated)
    nats_server.stop()
    path, edits = f"/api/tickets/{ticket.id}", 0
    while (answer := await client.put(path, json=OPERA, headers=seller.headers)).is_success:
        edits += 1
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["errors"] == [{"message": Busy.public}]
    listed = await client.post("/api/tickets", json=OPERA, headers=sign_in().headers)
    nats_server.start()
    assert [created.id, listed.json()["id"]] == [
        each.id for each in await peer.wait_for(TicketCreated, 2)
    ]
    told = await peer.wait_for(TicketUpdated, edits)
    assert [each.version for each in told] == list(range(1, edits + 1))


@pytest.mark.parametrize("is_held", [False, True])
async def test_a_strangers_edit_changes_nothing(
    client: AsyncClient,
    tickets: TicketRepository,
    ticket: Ticket,
    order: OrderHistory,
    sign_in: SignIn,
    *,
    is_held: bool,
) -> None:
    if is_held:
        await tickets.update(
            ticket.id, lambda free: free.apply_order(order.event(OrderCreated, 0), NOW)
        )
    path = f"/api/tickets/{ticket.id}"
    answer = await client.put(path, json=OPERA, headers=sign_in().headers)
    assert answer.status_code == 403
    assert answer.json() == {"errors": [{"message": "Only the seller can edit a ticket"}]}
    assert (await client.get(path)).json()["title"] == "Concert"


async def test_a_held_ticket_cannot_be_edited(
    client: AsyncClient,
    tickets: TicketRepository,
    ticket: Ticket,
    order: OrderHistory,
    seller: Session,
) -> None:
    await tickets.update(
        ticket.id, lambda free: free.apply_order(order.event(OrderCreated, 0), NOW)
    )
    path = f"/api/tickets/{ticket.id}"
    answer = await client.put(path, json=OPERA, headers=seller.headers)
    assert answer.status_code == 409
    assert answer.json() == {"errors": [{"message": "Cannot edit a reserved ticket"}]}
    assert (await client.get(path)).json()["title"] == "Concert"


async def test_edits_made_at_once_all_succeed(
    client: AsyncClient, ticket: Ticket, peer: BusPeer, seller: Session
) -> None:
    path = f"/api/tickets/{ticket.id}"
    answers = await asyncio.gather(
        *(
            client.put(path, json={"title": "Opera", "price": price}, headers=seller.headers)
            for price in range(1, 11)
        )
    )
    versions = {answer.json()["version"]: answer.json()["price"] for answer in answers}
    assert sorted(versions) == list(range(1, 11))
    heard = await peer.wait_for(TicketUpdated, 10)
    assert [event.version for event in heard] == list(range(1, 11))
    assert {event.version: event.price.dollars for event in heard} == versions
    assert (await client.get(path)).json()["price"] == versions[10]
