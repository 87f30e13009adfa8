"""A buyer's orders over HTTP."""

from datetime import timedelta

import pytest
from httpx import AsyncClient

from common.contracts.ids import new_id
from common.contracts.money import Price
from common.contracts.order_status import CancelReason
from devstack.testing import Session, SignIn, pages
from orders.domain import Order, Ticket
from orders.repository import OrderRepository


async def hold(orders: OrderRepository, buyer: Session, count: int) -> list[str]:
    """Order so many tickets; the ids of the orders, oldest first."""
    tickets = [Ticket(new_id(), 0, "Concert", Price(1999)) for _ in range(count)]
    placed = [Order.place(ticket, buyer.id, timedelta(minutes=15)) for ticket in tickets]
    for order in placed:
        await orders.add(order)
    return [order.id for order in placed]


@pytest.fixture
async def by_status(orders: OrderRepository, buyer: Session) -> dict[str, str]:
    """The buyer's orders: one in each status, oldest first."""
    ids = await hold(orders, buyer, 4)
    await orders.update(ids[1], Order.confirm)
    await orders.update(ids[2], Order.complete)
    await orders.update(ids[3], lambda order: order.cancel(CancelReason.EXPIRED))
    return dict(zip(("created", "awaiting:payment", "complete", "cancelled"), ids, strict=True))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["complete", "awaiting:payment", "created"]),
        ("?status=all", ["cancelled", "complete", "awaiting:payment", "created"]),
        ("?status=cancelled", ["cancelled"]),
        ("?status=awaiting:payment", ["awaiting:payment"]),
        ("?status=cancelled&status=created", ["cancelled", "created"]),
        ("?status=created&status=all", ["cancelled", "complete", "awaiting:payment", "created"]),
    ],
)
async def test_a_status_chooses_the_newest_first(
    client: AsyncClient, by_status: dict[str, str], buyer: Session, query: str, shown: list[str]
) -> None:
    answer = await client.get(f"/api/orders{query}", headers=buyer.headers)
    assert answer.status_code == 200
    assert [order["status"] for order in answer.json()] == shown
    assert [order["id"] for order in answer.json()] == [by_status[status] for status in shown]


@pytest.mark.usefixtures("by_status")
async def test_buyers_see_only_their_own(client: AsyncClient, sign_in: SignIn) -> None:
    answer = await client.get("/api/orders?status=all", headers=sign_in().headers)
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("query", ["limit=2", "status=created&status=complete&limit=2"])
async def test_pages_are_linked_until_the_end(
    client: AsyncClient, orders: OrderRepository, buyer: Session, sign_in: SignIn, query: str
) -> None:
    a, b, c, d, e = await hold(orders, buyer, 5)
    await hold(orders, sign_in(), 1)
    [gone] = await hold(orders, buyer, 1)
    await orders.update(gone, lambda order: order.cancel(CancelReason.BUYER))
    shown = await pages(client, f"/api/orders?{query}", buyer.headers)
    assert shown == [[e, d], [c, b], [a]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=sold", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
    ],
)
async def test_a_wrong_query_is_named(
    client: AsyncClient, buyer: Session, query: str, field: str
) -> None:
    answer = await client.get(f"/api/orders?{query}", headers=buyer.headers)
    assert answer.status_code == 400
    [problem] = answer.json()["errors"]
    assert problem["field"].split(".")[0] == field
