"""Stripe acts and its answer gets lost: the payment still ends right, and once."""

import pytest

from devstack.people import Ledger, Person


@pytest.mark.parametrize("operation", ["create", "confirm", "capture"])
@pytest.mark.parametrize("kind", ["drop_answer", "error", "conflict"])
async def test_a_payment_survives_a_lost_answer(
    seller: Person, buyer: Person, ledger: Ledger, operation: str, kind: str
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    await ledger.break_once(operation, kind)
    assert (await buyer.pay(order_id)).status_code in {201, 202}
    await buyer.order_is(order_id, "complete")
    await buyer.payment_is(order_id, "captured")
    assert [intent["captured"] for intent in await ledger.of(order_id)] == [1999]


async def test_a_release_survives_a_lost_answer(
    seller: Person, buyer: Person, ledger: Ledger
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    await buyer.pay(order_id, "pm_card_threeDSecure2Required")
    await ledger.break_once("cancel", "drop_answer")
    assert (await buyer.cancel(order_id)).status_code == 204
    await buyer.payment_is(order_id, "voided")
    assert [intent["status"] for intent in await ledger.of(order_id)] == ["canceled"]
