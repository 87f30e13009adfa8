"""What the sandbox tells, signed and again until somebody listens."""

from stripe import StripeClient, Webhook

from devstack.ear import Ear
from devstack.testing import eventually


async def hears(ear: Ear, secret: str, *kinds: str) -> set[str]:
    """Wait for these events, which may overtake each other; the intents they are about."""

    async def all_of_them() -> bool:
        return len(ear.heard) >= len(kinds)

    await eventually(all_of_them, f"{kinds}")
    events = [Webhook.construct_event(body, signed, secret).to_dict() for body, signed in ear.heard]
    assert sorted(event["type"] for event in events) == sorted(kinds)
    return {event["data"]["object"]["id"] for event in events}


async def test_every_change_of_status_is_told(
    api: StripeClient, ear: Ear, webhook_secret: str
) -> None:
    intent = await api.v1.payment_intents.create_async(
        {
            "amount": 1999,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "capture_method": "manual",
        }
    )
    await api.v1.payment_intents.confirm_async(intent.id)
    await api.v1.payment_intents.capture_async(intent.id)
    told = await hears(
        ear,
        webhook_secret,
        "payment_intent.created",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
    )
    assert told == {intent.id}


async def test_a_refused_webhook_comes_again(
    api: StripeClient, ear: Ear, webhook_secret: str
) -> None:
    ear.refusals = 2
    await api.v1.payment_intents.create_async({"amount": 50, "currency": "usd"})
    await hears(ear, webhook_secret, "payment_intent.payment_failed")
    assert ear.refused == 2
