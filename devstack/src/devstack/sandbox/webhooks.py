"""Delivers signed webhooks to the payments service, with retries and exponential backoff."""

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import time

import httpx

from devstack.sandbox.errors import Json

MAX_ATTEMPTS = 8
FIRST_BACKOFF_SECONDS = 0.5
API_VERSION = "2026-10-28.endive"

log = logging.getLogger(__name__)


def sign(body: str, secret: str, stamp: int) -> str:
    """The Stripe-Signature header: https://docs.stripe.com/webhooks#verify-manually."""
    digest = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


class Webhooks:
    """Deliveries in the background: a response never waits for them."""

    def __init__(self, url: str, secret: str, backoff: float = FIRST_BACKOFF_SECONDS) -> None:
        self._url, self._secret, self._backoff = url, secret, backoff
        self._client = httpx.AsyncClient(timeout=5, trust_env=False)
        self._deliveries: set[asyncio.Task[None]] = set()

    def enqueue(self, kind: str, data_object: Json, request: Json) -> None:
        """Deliver an event that a request has caused."""
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "type": kind,
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": {"object": data_object},
            "livemode": False,
            "pending_webhooks": 1,
            "request": request,
        }
        task = asyncio.create_task(self._deliver(json.dumps(event)))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, body: str) -> None:
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._backoff * 2 ** (attempt - 1))
            if await self._is_delivered(body):
                return
        log.warning("webhook not delivered after %d attempts", MAX_ATTEMPTS)

    async def _is_delivered(self, body: str) -> bool:
        signature = sign(body, self._secret, int(time.time()))
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        try:
            answer = await self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success

    async def close(self) -> None:
        """Cancel all deliveries."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await self._client.aclose()
