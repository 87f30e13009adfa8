"""What a person can do by hand to the intent of an order, and time, and a bad day; for tests."""

from httpx import AsyncClient

from devstack.people import Ledger

BY_HAND = {"Authorization": "Bearer sk_test_by_hand"}


class Dashboard:
    """Somebody with an account at Stripe, as far as tests need one."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def take(self, order_id: str, step: str) -> None:
        """Press the button `capture` or `cancel`."""
        await self._post(order_id, f"/v1/payment_intents/{{}}/{step}")

    async def expire(self, order_id: str) -> None:
        """Let the bank's patience end."""
        await self._post(order_id, "/_sandbox/intents/{}/expire")

    async def _post(self, order_id: str, path: str) -> None:
        [intent] = await Ledger(self._client).of(order_id)
        answer = await self._client.post(path.format(intent["intent"]), headers=BY_HAND)
        answer.raise_for_status()

    async def break_down(self, operation: str, kind: str, times: int = 1000) -> None:
        """Let all calls of one operation go wrong until `repair`."""
        fault = {"operation": operation, "kind": kind, "times": times}
        (await self._client.post("/_sandbox/faults", json=fault)).raise_for_status()

    async def repair(self) -> None:
        """Nothing goes wrong any more."""
        (await self._client.delete("/_sandbox/faults")).raise_for_status()
