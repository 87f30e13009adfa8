"""What the payments service counts: each turn of a payment once, and each setback."""

from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient

from common.contracts.events import OrderCompleted, OrderCreated
from devstack.order_history import OrderHistory
from devstack.sandbox.dashboard import Dashboard
from devstack.scraping import grown, scrape
from devstack.testing import Neighbour, Person
from payments.payment import Payment, PaymentStatus
from payments.setback import Setback, Trouble

Becomes = Callable[..., Awaitable[Payment]]
IsSetBack = Callable[[Trouble, int], Awaitable[Setback]]


async def test_every_turn_of_a_payment_is_counted_once(
    client: AsyncClient,
    neighbour: Neighbour,
    buyer: Person,
    order: OrderHistory,
    becomes: Becomes,
) -> None:
    before = await scrape(client)
    assert before["payments_total", frozenset({"uncollected"})] >= 0
    await neighbour.say(order.event(OrderCreated, 0))
    body = {"orderId": order.id, "token": "pm_card_visa"}
    for _ in range(2):
        await client.post("/api/payments", json=body, headers=buyer.headers)
    await neighbour.say(order.event(OrderCompleted, 1))
    await becomes(PaymentStatus.CAPTURED, closed=True)
    await neighbour.say(order.event(OrderCompleted, 1), copy="again")
    await neighbour.heard_by("payments")
    assert grown(before, await scrape(client), "payments_total") == {
        frozenset({"pending"}): 1,
        frozenset({"authorized"}): 1,
        frozenset({"captured"}): 1,
    }


@pytest.mark.usefixtures("held_intent")
async def test_every_setback_is_counted(
    client: AsyncClient,
    neighbour: Neighbour,
    order: OrderHistory,
    dashboard: Dashboard,
    is_set_back: IsSetBack,
) -> None:
    before = await scrape(client)
    await dashboard.break_down("capture", "refuse")
    await neighbour.say(order.event(OrderCompleted, 1))
    await is_set_back(Trouble.REFUSAL, 2)
    told = grown(before, await scrape(client), "payment_setbacks_total")
    assert told.keys() == {frozenset({"refusal"})}
    assert told[frozenset({"refusal"})] >= 2
