"""Stripe's dashboard for tests: operations by hand, expiry of authorizations, faults."""

from httpx import AsyncClient

from devstack.api_client import SandboxClient

BY_HAND = {"Authorization": "Bearer sk_test_by_hand"}


class StripeDashboard:
    """Acts on the intent of an order as an operator with access to Stripe's dashboard."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def perform(self, order_id: str, operation: str) -> None:
        """Perform `capture` or `cancel`."""
        await self._post(order_id, f"/v1/payment_intents/{{}}/{operation}")

    async def expire(self, order_id: str) -> None:
        """Let the authorization expire."""
        await self._post(order_id, "/_sandbox/intents/{}/expire")

    async def _post(self, order_id: str, path: str) -> None:
        [intent] = await SandboxClient(self._client).intents_of(order_id)
        answer = await self._client.post(path.format(intent["intent"]), headers=BY_HAND)
        answer.raise_for_status()

    async def inject_fault(self, operation: str, kind: str, times: int = 1000) -> None:
        """Make all calls of one operation fail until `clear_faults`."""
        fault = {"operation": operation, "kind": kind, "times": times}
        (await self._client.post("/_sandbox/faults", json=fault)).raise_for_status()

    async def clear_faults(self) -> None:
        """Remove all faults."""
        (await self._client.delete("/_sandbox/faults")).raise_for_status()
