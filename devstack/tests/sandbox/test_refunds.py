"""Giving money back, and the charges it comes from."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import stripe
from stripe import PaymentIntent, StripeClient

Create = Callable[..., Awaitable[PaymentIntent]]
Books = Callable[[], Awaitable[list[dict[str, Any]]]]


async def test_no_more_is_refunded_than_was_taken(
    api: StripeClient, create: Create, books: Books
) -> None:
    refund = api.v1.refunds.create_async
    intent = await create(capture_method="automatic", confirm=True)
    some = await refund({"payment_intent": intent.id, "amount": 999})
    assert (some.amount, some.status) == (999, "succeeded")
    for wrong in (0, 1001):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await refund({"payment_intent": intent.id, "amount": wrong})
        assert refused.value.param == "amount"
    assert (await refund({"payment_intent": intent.id})).amount == 1000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refund({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"
    assert [line["refunded"] for line in await books()] == [1999]


async def test_refund_of_uncaptured_intent_is_rejected(api: StripeClient, create: Create) -> None:
    intent = await create(confirm=True)
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.refunds.create_async({"payment_intent": intent.id})


async def test_a_charge_shows_what_became_of_it(api: StripeClient, create: Create) -> None:
    intent = await create(confirm=True)
    assert isinstance(intent.latest_charge, str)
    retrieve = api.v1.charges.retrieve_async
    held = await retrieve(intent.latest_charge)
    assert (held.amount, held.captured, held.payment_intent) == (1999, False, intent.id)
    await api.v1.payment_intents.capture_async(intent.id)
    await api.v1.refunds.create_async({"charge": held.id})
    after = await retrieve(held.id)
    assert (after.captured, after.refunded, after.amount_refunded) == (True, True, 1999)


async def test_a_released_hold_keeps_its_charge(api: StripeClient, create: Create) -> None:
    intent = await create(confirm=True)
    released = await api.v1.payment_intents.cancel_async(intent.id)
    assert released.latest_charge == intent.latest_charge
    charge = await api.v1.charges.retrieve_async(str(released.latest_charge))
    assert (charge.captured, charge.refunded) == (False, True)


async def test_no_charge_without_a_hold(api: StripeClient, create: Create) -> None:
    intent = await create()
    assert intent.latest_charge is None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.charges.retrieve_async(intent.id.replace("pi_", "ch_"))
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
