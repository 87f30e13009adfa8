"""Whole sales through the gateway, with nothing but HTTP."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from httpx import AsyncClient

from devstack.api_client import ApiClient, SandboxClient

Browser = Callable[[], AsyncClient]


async def test_a_paid_order_is_complete_and_captured_once(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    ticket_id = await seller.list_ticket(price=19.99)
    order_id = await buyer.order(ticket_id)
    paid = await buyer.pay(order_id)
    assert paid.status_code == 201, paid.text
    await buyer.wait_order_status(order_id, "complete")
    await buyer.wait_payment_status(order_id, "captured")
    await seller.wait_ticket_held(ticket_id, order_id)
    [intent] = await sandbox_client.intents_of(order_id)
    assert (intent["amount"], intent["captured"], intent["refunded"]) == (1999, 1999, 0)
    assert intent["status"] == "succeeded"


async def test_a_reservation_is_confirmed(seller: ApiClient, buyer: ApiClient) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    await buyer.wait_order_status(order_id, "awaiting:payment")
    await seller.wait_ticket_held(ticket_id, order_id)
    assert (await buyer.cancel(order_id)).status_code == 204


async def test_a_cancelled_order_frees_its_ticket(seller: ApiClient, buyer: ApiClient) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    assert (await buyer.cancel(order_id)).status_code == 204
    order = await buyer.wait_order_status(order_id, "cancelled")
    assert order["cancelReason"] == "buyer"
    await seller.wait_ticket_free(ticket_id)
    await buyer.order(ticket_id)


async def test_an_order_that_is_not_paid_expires(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    order = await buyer.wait_order_status(order_id, "cancelled")
    assert order["cancelReason"] == "expired"
    history = order["history"]
    assert isinstance(history, list)
    assert moment(history[-1]["at"]) >= moment(order["expiresAt"])
    await seller.wait_ticket_free(ticket_id)
    late = await buyer.pay(order_id)
    assert late.status_code == 409
    assert await sandbox_client.intents_of(order_id) == []


async def test_a_declined_card_cancels_the_order(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    declined = await buyer.pay(order_id, "pm_card_visa_chargeDeclined")
    assert declined.status_code == 402
    assert "declined" in declined.json()["errors"][0]["message"]
    order = await buyer.wait_order_status(order_id, "cancelled")
    assert order["cancelReason"] == "payment_failed"
    await seller.wait_ticket_free(ticket_id)
    assert (await buyer.pay(order_id)).status_code == 409
    assert [intent["captured"] for intent in await sandbox_client.intents_of(order_id)] == [0]


async def test_an_unknown_card_leaves_the_order_payable(
    seller: ApiClient, buyer: ApiClient
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    unknown = await buyer.pay(order_id, "pm_nobody_knows_this_card")
    assert unknown.status_code == 400
    assert unknown.json()["errors"][0]["field"] == "token"
    assert (await buyer.pay(order_id)).status_code == 201


async def test_paying_twice_charges_once(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    first = await buyer.pay(order_id)
    again = await buyer.pay(order_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    await buyer.wait_payment_status(order_id, "captured")
    assert [intent["captured"] for intent in await sandbox_client.intents_of(order_id)] == [1999]


async def test_ten_payments_at_once_charge_once(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    answers = await asyncio.gather(*(buyer.pay(order_id, "tok_visa") for _ in range(10)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[201] == 1
    assert set(statuses) <= {200, 201, 202}
    await buyer.wait_payment_status(order_id, "captured")
    assert [intent["captured"] for intent in await sandbox_client.intents_of(order_id)] == [1999]


async def test_a_paid_order_cannot_be_cancelled(seller: ApiClient, buyer: ApiClient) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    await buyer.pay(order_id)
    await buyer.wait_order_status(order_id, "complete")
    refused = await buyer.cancel(order_id)
    assert refused.status_code == 409
    assert (await buyer.post_order(ticket_id)).status_code == 409


async def test_a_price_change_after_ordering_changes_nothing(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    ticket_id = await seller.list_ticket(price="20.00", title="Before")
    order_id = await buyer.order(ticket_id)
    edited = await seller.client.put(
        f"/api/tickets/{ticket_id}", json={"title": "After", "price": 500}
    )
    assert edited.status_code in {200, 409}  # it may come before the ticket knows that it is held
    assert (await buyer.pay(order_id)).status_code == 201
    await buyer.wait_payment_status(order_id, "captured")
    order = await buyer.wait_order_status(order_id, "complete")
    ticket = order["ticket"]
    assert isinstance(ticket, dict)
    assert (ticket["title"], ticket["price"]) == ("Before", 20)
    assert [intent["captured"] for intent in await sandbox_client.intents_of(order_id)] == [2000]


async def test_a_bank_that_asks_is_answered(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    asked = await buyer.pay(order_id, "pm_card_threeDSecure2Required")
    assert asked.status_code == 202
    assert asked.json()["clientSecret"]
    await sandbox_client.authenticate(order_id, success=True)
    await buyer.wait_order_status(order_id, "complete")
    await buyer.wait_payment_status(order_id, "captured")


async def test_failed_3ds_cancels_the_order(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    await buyer.pay(order_id, "pm_card_threeDSecure2Required")
    await sandbox_client.authenticate(order_id, success=False)
    order = await buyer.wait_order_status(order_id, "cancelled")
    assert order["cancelReason"] == "payment_failed"


async def test_a_bank_that_waits_too_long_releases_everything(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    await buyer.pay(order_id, "pm_card_threeDSecure2Required")
    order = await buyer.wait_order_status(order_id, "cancelled")
    assert order["cancelReason"] == "expired"
    await buyer.wait_payment_status(order_id, "voided")
    await seller.wait_ticket_free(ticket_id)
    assert [intent["status"] for intent in await sandbox_client.intents_of(order_id)] == [
        "canceled"
    ]


def moment(text: object) -> datetime:
    """When something was, as it is told."""
    return datetime.fromisoformat(str(text))


async def test_a_stampede_sells_a_ticket_once(seller: ApiClient, browser: Browser) -> None:
    buyers = [ApiClient(browser()) for _ in range(50)]
    await asyncio.gather(*(buyer.sign_up() for buyer in buyers))
    for _ in range(10):
        ticket_id = await seller.list_ticket()
        answers = await asyncio.gather(*(buyer.post_order(ticket_id) for buyer in buyers))
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses == {201: 1, 409: 49}
