"""A continuous load of buyers and sellers that records every failure."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from httpx import AsyncClient, HTTPError, Response

from devstack.api_client import ApiClient, SandboxClient
from devstack.testing import eventually

COMMANDS = {
    "/api/users/signout": 200,
    "/api/tickets": 401,
    "/api/orders": 401,
    "/api/payments": 401,
}
"""Requests that are answered without the database: the quickest ones."""


PAUSE_SECONDS = 0.05
"""The think time: without one, saturated servers would be all that is measured."""


class ContinuousLoad:
    """Pairs of a seller and a buyer who trade, and visitors without a session."""

    def __init__(
        self, browser: Callable[[], AsyncClient], *, pairs: int = 8, visitors: int = 8
    ) -> None:
        self._browser = browser
        self._pairs, self._visitors = pairs, visitors
        self._is_over = False
        self.paid: dict[str, tuple[ApiClient, str]] = {}
        self.cancelled: dict[str, tuple[ApiClient, str]] = {}
        self.answers = 0
        self.failures: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run for the duration of the block, and until the last trade is done."""
        async with asyncio.TaskGroup() as people:
            for _ in range(self._pairs):
                people.create_task(
                    self._trade(ApiClient(self._browser()), ApiClient(self._browser()))
                )
            for _ in range(self._visitors):
                people.create_task(self._browse(self._browser()))
            try:
                yield
            finally:
                self._is_over = True

    async def wait_for_sales(self, deals: int) -> None:
        """Wait for so many more paid, and so many more cancelled orders."""
        paid, cancelled = len(self.paid) + deals, len(self.cancelled) + deals

        async def enough() -> bool:
            return len(self.paid) >= paid and len(self.cancelled) >= cancelled

        await eventually(enough, f"{deals} deals of each kind")

    async def wait_settled(self, sandbox_client: SandboxClient) -> None:
        """Wait until every order is final everywhere, and check the ledger of the sandbox."""
        for order_id, (buyer, ticket_id) in self.paid.items():
            await buyer.wait_order_status(order_id, "complete")
            await buyer.wait_payment_status(order_id, "captured")
            await buyer.wait_ticket_held(ticket_id, order_id)
        for order_id, (buyer, ticket_id) in self.cancelled.items():
            await buyer.wait_order_status(order_id, "cancelled")
            await buyer.wait_ticket_free(ticket_id)
        books = await sandbox_client.intents_by_order()
        taken = {order_id: [each["captured"] for each in books[order_id]] for order_id in books}
        assert taken == {order_id: [1999] for order_id in self.paid}

    async def _trade(self, seller: ApiClient, buyer: ApiClient) -> None:
        await asyncio.gather(seller.sign_up(), buyer.sign_up())
        account = {"email": await self._email(buyer), "password": "correct horse"}
        turn = 0
        while not self._is_over:
            turn += 1
            await asyncio.sleep(PAUSE_SECONDS)
            with self._recording_failures():
                await self._sell(seller, buyer, cancels=turn % 3 == 0)
                if turn % 10 == 0:
                    self._expect(await buyer.client.post("/api/users/signin", json=account), 200)

    async def _browse(self, visitor: AsyncClient) -> None:
        while not self._is_over:
            for path, status in COMMANDS.items():
                await asyncio.sleep(PAUSE_SECONDS / 5)
                with self._recording_failures():
                    self._expect(await visitor.post(path, json={}), status)

    @contextmanager
    def _recording_failures(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            self.failures.append(f"{error!r} of {error.request.method} {error.request.url}")

    async def _email(self, person: ApiClient) -> str:
        answer = await person.client.get("/api/users/currentuser")
        email: str = answer.json()["currentUser"]["email"]
        return email

    async def _sell(self, seller: ApiClient, buyer: ApiClient, *, cancels: bool) -> None:
        ticket = {"title": "Concert", "price": 19.99}
        listed = self._expect(await seller.client.post("/api/tickets", json=ticket), 201)
        ordered = self._expect(await buyer.post_order(listed.json().get("id", "")), 201)
        deal = (buyer, listed.json().get("id", ""))
        order_id = ordered.json().get("id", "")
        self._expect(await buyer.client.get("/api/tickets"), 200)
        if cancels:
            self.cancelled[order_id] = deal
            self._expect(await buyer.cancel(order_id), 204)
        else:
            self.paid[order_id] = deal
            self._expect(await buyer.pay(order_id), 201)
        self._expect(await buyer.client.get(f"/api/orders/{order_id}"), 200)

    def _expect(self, answer: Response, status: int) -> Response:
        self.answers += 1
        if answer.status_code != status:
            asked = f"{answer.request.method} {answer.request.url.path}"
            self.failures.append(f"{asked}: {answer.status_code} {answer.text}")
        return answer
