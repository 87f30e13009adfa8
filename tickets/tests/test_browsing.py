"""Looking for tickets over HTTP."""

import asyncio
from datetime import UTC, datetime

import pytest
from httpx import AsyncClient

from common.contracts.events import OrderCreated
from common.contracts.money import Price
from devstack.order_history import OrderHistory
from devstack.testing import Session, SignIn, pages
from tickets.domain import Ticket
from tickets.repository import TicketRepository

NOW = datetime.now(UTC)


async def offer(tickets: TicketRepository, seller: Session, count: int) -> list[str]:
    """Put tickets up for sale; their ids, newest first."""
    return await offer_titles(tickets, seller, *(f"Concert {n}" for n in range(count)))


async def offer_titles(tickets: TicketRepository, seller: Session, *titles: str) -> list[str]:
    """Put tickets with these titles up for sale; their ids, newest first."""
    offered = [Ticket.list_for_sale(title, Price(1999), seller.id) for title in titles]
    for ticket in offered:
        await tickets.add(ticket)
    return [ticket.id for ticket in reversed(offered)]


async def test_an_empty_shop_shows_an_empty_list(client: AsyncClient) -> None:
    answer = await client.get("/api/tickets")
    assert (answer.status_code, answer.json()) == (200, [])


async def test_the_newest_ticket_comes_first(
    client: AsyncClient, tickets: TicketRepository, seller: Session
) -> None:
    newest_first = await offer(tickets, seller, 3)
    answer = await client.get("/api/tickets")
    assert [ticket["id"] for ticket in answer.json()] == newest_first
    assert "Link" not in answer.headers


async def test_a_held_ticket_is_hidden_but_readable(
    client: AsyncClient, tickets: TicketRepository, ticket: Ticket, order: OrderHistory
) -> None:
    await tickets.update(
        ticket.id, lambda free: free.apply_order(order.event(OrderCreated, 0), NOW)
    )
    assert (await client.get("/api/tickets")).json() == []
    shown = await client.get(f"/api/tickets/{ticket.id}")
    assert shown.status_code == 200
    assert shown.json()["orderId"] == order.id


async def test_sellers_see_all_of_their_own(
    client: AsyncClient,
    tickets: TicketRepository,
    ticket: Ticket,
    order: OrderHistory,
    seller: Session,
    sign_in: SignIn,
) -> None:
    await tickets.update(
        ticket.id, lambda free: free.apply_order(order.event(OrderCreated, 0), NOW)
    )
    free = await offer(tickets, seller, 1)
    await offer(tickets, sign_in(), 1)
    mine = await client.get("/api/tickets?mine=true", headers=seller.headers)
    assert [(each["id"], each["status"], each.get("orderId")) for each in mine.json()] == [
        (free[0], "free", None),
        (ticket.id, "held", order.id),
    ]


async def test_own_tickets_need_a_session(client: AsyncClient) -> None:
    answer = await client.get("/api/tickets?mine=true")
    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"message": "Not authorized"}]}


@pytest.mark.parametrize("query", ["limit=2", "mine=true&limit=2"])
async def test_pages_are_linked_until_the_end(
    client: AsyncClient, tickets: TicketRepository, seller: Session, sign_in: SignIn, query: str
) -> None:
    a, b, c, d, e = await offer(tickets, seller, 5)
    if "mine" in query:
        await offer(tickets, sign_in(), 1)
    shown = await pages(client, f"/api/tickets?{query}", seller.headers)
    assert shown == [[a, b], [c, d], [e]]


async def test_a_full_last_page_links_nowhere(
    client: AsyncClient, tickets: TicketRepository, seller: Session
) -> None:
    a, b, c, d = await offer(tickets, seller, 4)
    assert await pages(client, "/api/tickets?limit=2", {}) == [[a, b], [c, d]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "many"),
        ("cursor", "abc"),
        ("mine", "perhaps"),
        ("q", "x" * 101),
    ],
)
async def test_a_wrong_query_is_named(client: AsyncClient, field: str, value: str) -> None:
    answer = await client.get("/api/tickets", params={field: value})
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


async def test_concurrent_lists_respect_their_limits(
    client: AsyncClient, tickets: TicketRepository, seller: Session
) -> None:
    newest_first = await offer(tickets, seller, 4)
    limits = (2, 1, 3, 50)
    answers = await asyncio.gather(*(client.get(f"/api/tickets?limit={n}") for n in limits))
    shown = [[ticket["id"] for ticket in answer.json()] for answer in answers]
    assert shown == [newest_first[:limit] for limit in limits]
    assert ["next" in answer.links for answer in answers] == [True, True, True, False]
