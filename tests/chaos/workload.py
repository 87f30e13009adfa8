"""The workload: buyers and sellers who act at random, through the gateway."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random

from httpx import AsyncClient
from tests.chaos.history import Answer, History
from tests.chaos.rules_of_sales import FINAL
from typing_extensions import override

from common.contracts.ids import new_id
from common.mongo import Document

FREE_TICKETS = 8
"""How many free tickets the sellers keep for sale: few, so that buyers contend for them."""

VIEWS_PER_ORDER = 3
"""How often a buyer views an order after an action."""

WATCH_SECONDS = 30
"""How long a buyer who has paid watches the order."""

PASSWORD = "correct horse"


class User:
    """A simulated user with a random generator of its own."""

    def __init__(self, name: str, seed: int, client: AsyncClient, history: History) -> None:
        self.name, self.client, self.history = name, client, history
        self.random = Random(f"{seed} {name}")  # noqa: S311 - to be repeated, not to be secret
        self.credentials = {"email": f"{name}-{new_id()}@ticketing.test", "password": PASSWORD}

    async def request(self, method: str, path: str, sent: Document | None = None) -> Answer:
        """A request of this user, recorded in the history."""
        return await self.history.ask(self.client, self.name, method, path, sent)

    async def sign_up(self) -> None:
        """Open an account, before any fault."""
        answer = await self.request("POST", "/api/users/signup", self.credentials)
        assert answer.status == 201, answer

    async def run(self) -> None:
        """Act until cancelled."""
        raise NotImplementedError

    async def sign_in_again(self) -> None:
        """Open a new session; the old one stays valid if that fails."""
        await self.request("POST", "/api/users/signin", self.credentials)

    async def think(self, longest: float = 0.4) -> None:
        """Think time."""
        await asyncio.sleep(self.random.uniform(0, longest))

    async def view(self, path: str) -> Answer:
        """Get what may have changed."""
        return await self.request("GET", path)

    async def free_tickets(self) -> list[str]:
        """The ids of tickets that are listed as free."""
        answer = await self.view(f"/api/tickets?limit={FREE_TICKETS}")
        return [ticket["id"] for ticket in answer.body.get("items", [])]


class Seller(User):
    """Keeps free tickets for sale, and changes prices."""

    @override
    async def run(self) -> None:
        while True:
            offered = await self.free_tickets()
            if len(offered) < FREE_TICKETS:
                await self.request("POST", "/api/tickets", self._offer())
            elif self.random.random() < 0.5:
                await self.request(
                    "PUT", f"/api/tickets/{self.random.choice(offered)}", self._offer()
                )
            if self.random.random() < 0.5:
                await self._view_own()
            await self.think(0.6)

    async def _view_own(self) -> None:
        """View the seller's own tickets, and one of them."""
        answer = await self.view(f"/api/tickets?mine=true&limit={3 * FREE_TICKETS}")
        if own := answer.body.get("items"):
            await self.view(f"/api/tickets/{self.random.choice(own)['id']}")

    def _offer(self) -> Document:
        cents = self.random.randrange(50, 50_000)
        return {"title": f"Concert {self.random.randrange(1000)}", "price": f"{cents / 100:.2f}"}


class Buyer(User):
    """Orders a random ticket, and then takes one of the actions at random."""

    def __init__(
        self, name: str, seed: int, client: AsyncClient, history: History, bank: AsyncClient
    ) -> None:
        super().__init__(name, seed, client, history)
        self._bank = bank
        self._orders: list[str] = []
        self._actions: dict[Callable[[str], Awaitable[object]], int] = {
            self._pay: 40,
            self._pay_twice_at_once: 8,
            self._pay_with_a_bad_card: 10,
            self._pay_with_a_question: 14,
            self._cancel: 12,
            self._pay_and_cancel_at_once: 6,
            self._pay_at_the_last_moment: 4,
            self._forget: 8,
        }

    @override
    async def run(self) -> None:
        while True:
            if self.random.random() < 0.05:
                await self.sign_in_again()
            if offered := await self.free_tickets():
                await self._order(self.random.choice(offered))
            if self._orders and self.random.random() < 0.3:
                await self._view(self.random.choice(self._orders))
            await self.think()

    async def _order(self, ticket_id: str) -> None:
        answer = await self.request("POST", "/api/orders", {"ticketId": ticket_id})
        if answer.status != 201:
            return
        await self.think()
        self._orders.append(answer.body["id"])
        [action] = self.random.choices(list(self._actions), list(self._actions.values()))
        await action(self._orders[-1])
        for _ in range(VIEWS_PER_ORDER):
            await self.think()
            await self._view(self._orders[-1])

    async def _view(self, order_id: str) -> None:
        """Load what the page of an order loads, payment included."""
        answer = await self.view(f"/api/orders/{order_id}")
        await self.view(f"/api/payments/{order_id}")
        if ticket := answer.body.get("ticket"):
            await self.view(f"/api/tickets/{ticket['id']}")

    async def _pay(self, order_id: str, card: str = "pm_card_visa") -> Answer:
        sent = {"orderId": order_id, "token": card}
        answer = await self.request("POST", "/api/payments", sent)
        for _ in range(2):
            if answer.is_unknown or answer.status == 202:
                await self.think()
                answer = await self.request("POST", "/api/payments", sent)
        if answer.status == 201:
            await self._watch(order_id)
        return answer

    async def _watch(self, order_id: str) -> None:
        """Poll until the order is final, or until the timeout."""
        until = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < until:
            order = await self.view(f"/api/orders/{order_id}")
            if order.body.get("status") in FINAL:
                return
            await self.think()

    async def _pay_twice_at_once(self, order_id: str) -> None:
        await asyncio.gather(self._pay(order_id), self._pay(order_id, "tok_visa"))

    async def _pay_with_a_bad_card(self, order_id: str) -> None:
        await self._pay(order_id, "pm_card_visa_chargeDeclined")

    async def _pay_with_a_question(self, order_id: str) -> None:
        answer = await self._pay(order_id, "pm_card_threeDSecure2Required")
        secret = answer.body.get("clientSecret", "")
        if secret and self.random.random() < 0.75:
            await self.think()
            intent, success = secret.partition("_secret_")[0], self.random.random() < 0.75
            path = f"/_sandbox/intents/{intent}/authenticate"
            await History().ask(self._bank, "bank", "POST", path, {"success": success})

    async def _cancel(self, order_id: str) -> None:
        await self.request("DELETE", f"/api/orders/{order_id}")

    async def _pay_and_cancel_at_once(self, order_id: str) -> None:
        await asyncio.gather(self._pay(order_id), self._cancel(order_id))

    async def _pay_at_the_last_moment(self, order_id: str) -> None:
        await asyncio.sleep(self.random.uniform(2.5, 4.5))
        await self._pay(order_id)

    async def _forget(self, _order_id: str) -> None:
        await self.think()
