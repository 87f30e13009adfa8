"""People who buy and sell all the time, and notice everything that goes wrong."""

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
"""What a stranger is answered without a look into a database: the quickest requests there are."""


PAUSE_SECONDS = 0.05
"""How long people think: servers that have no time left would show nothing but that."""


class Market:
    """Pairs of a seller and a buyer who do everything there is to do, and a crowd of strangers."""

    def __init__(
        self, browser: Callable[[], AsyncClient], *, pairs: int = 8, strangers: int = 8
    ) -> None:
        self._browser = browser
        self._pairs, self._strangers = pairs, strangers
        self._is_over = False
        self.paid: dict[str, tuple[ApiClient, str]] = {}
        self.cancelled: dict[str, tuple[ApiClient, str]] = {}
        self.answers = 0
        self.wrong: list[str] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open for as long as the block, and until the last deal is done."""
        async with asyncio.TaskGroup() as people:
            for _ in range(self._pairs):
                people.create_task(
                    self._deal(ApiClient(self._browser()), ApiClient(self._browser()))
                )
            for _ in range(self._strangers):
                people.create_task(self._stroll(self._browser()))
            try:
                yield
            finally:
                self._is_over = True

    async def has_traded(self, deals: int) -> None:
        """Wait until so many have been paid and so many cancelled, besides those until now."""
        paid, cancelled = len(self.paid) + deals, len(self.cancelled) + deals

        async def enough() -> bool:
            return len(self.paid) >= paid and len(self.cancelled) >= cancelled

        await eventually(enough, f"{deals} deals of each kind")

    async def is_settled(self, sandbox_client: SandboxClient) -> None:
        """Wait until every deal has come to its end everywhere, and look into the books."""
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

    async def _deal(self, seller: ApiClient, buyer: ApiClient) -> None:
        await asyncio.gather(seller.sign_up(), buyer.sign_up())
        account = {"email": await self._email(buyer), "password": "correct horse"}
        turn = 0
        while not self._is_over:
            turn += 1
            await asyncio.sleep(PAUSE_SECONDS)
            with self._noting_failures():
                await self._sell(seller, buyer, cancels=turn % 3 == 0)
                if turn % 10 == 0:
                    self._expect(await buyer.client.post("/api/users/signin", json=account), 200)

    async def _stroll(self, stranger: AsyncClient) -> None:
        while not self._is_over:
            for path, status in COMMANDS.items():
                await asyncio.sleep(PAUSE_SECONDS / 5)
                with self._noting_failures():
                    self._expect(await stranger.post(path, json={}), status)

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            self.wrong.append(f"{error!r} of {error.request.method} {error.request.url}")

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
            self.wrong.append(f"{asked}: {answer.status_code} {answer.text}")
        return answer
