"""Stripe acts and its answer gets lost: the payment still ends right, and once."""

import pytest

from devstack.api_client import ApiClient, SandboxClient


@pytest.mark.parametrize("operation", ["create", "confirm", "capture"])
@pytest.mark.parametrize("kind", ["drop_answer", "error", "conflict"])
async def test_a_payment_survives_a_lost_answer(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient, operation: str, kind: str
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    await sandbox_client.inject_fault(operation, kind)
    assert (await buyer.pay(order_id)).status_code in {201, 202}
    await buyer.wait_order_status(order_id, "complete")
    await buyer.wait_payment_status(order_id, "captured")
    assert [intent["captured"] for intent in await sandbox_client.intents_of(order_id)] == [1999]


async def test_a_release_survives_a_lost_answer(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    await buyer.pay(order_id, "pm_card_threeDSecure2Required")
    await sandbox_client.inject_fault("cancel", "drop_answer")
    assert (await buyer.cancel(order_id)).status_code == 204
    await buyer.wait_payment_status(order_id, "voided")
    assert [intent["status"] for intent in await sandbox_client.intents_of(order_id)] == [
        "canceled"
    ]
