"""What an order has been through, told by the order itself."""

from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient

from common.contracts.ids import created_at, new_id
from common.contracts.money import Price
from common.contracts.order_status import CancelReason
from common.mongo import Database
from devstack.testing import Session
from orders.domain import Order, Ticket
from orders.repository import OrderRepository


def expire(order: Order) -> Order:
    """The time to pay is over."""
    return order.cancel(CancelReason.EXPIRED)


@pytest.fixture
async def order(orders: OrderRepository, buyer: Session) -> Order:
    """An order that was just placed."""
    ticket = Ticket(new_id(), 0, "Concert", Price(1999))
    order = Order.place(ticket, buyer.id, timedelta(minutes=15))
    await orders.add(order)
    return order


async def test_history_records_each_change_and_reason(
    client: AsyncClient, orders: OrderRepository, order: Order, buyer: Session
) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    for change in (Order.confirm, expire, Order.complete, expire):
        await orders.update(order.id, change)
    shown = (await client.get(f"/api/orders/{order.id}", headers=buyer.headers)).json()
    assert [(step["status"], step.get("reason")) for step in shown["history"]] == [
        ("created", None),
        ("awaiting:payment", None),
        ("cancelled", "expired"),
    ]
    times = [datetime.fromisoformat(step["at"]) for step in shown["history"]]
    assert times == sorted(times)
    assert times[0] == order.history[0].at
    assert before <= times[-1] <= datetime.now(UTC)
    listed = await client.get("/api/orders?status=all", headers=buyer.headers)
    assert listed.json() == [shown]


async def test_order_without_history_has_first_entry(
    orders: OrderRepository, order: Order, database: Database
) -> None:
    await database.collection("orders").update({"_id": order.id}, {"$unset": {"history": 1}})
    completed = await orders.update(order.id, Order.complete)
    assert [step.status.value for step in completed.history] == ["created", "complete"]
    assert completed.history[0].at == created_at(order.id)


async def test_every_answer_says_what_time_it_is_here(
    client: AsyncClient, order: Order, buyer: Session
) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    for path in (f"/api/orders/{order.id}", "/api/orders", "/api/orders/nowhere/to/be/found"):
        answer = await client.get(path, headers=buyer.headers)
        shown = datetime.fromisoformat(answer.headers["X-Server-Time"])
        assert before <= shown <= datetime.now(UTC)
