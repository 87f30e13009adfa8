"""Buyers and sellers who do everything that people do, at random, through the gateway."""

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

SHELF = 8
"""How many free tickets the sellers keep on offer: few, so that buyers meet."""

LOOKS = 3
"""How often a buyer looks at an order after doing something about it, and what came of it."""

WATCHING_SECONDS = 30
"""How long a buyer who has paid keeps looking for the ticket."""

PASSWORD = "correct horse"


class Person:
    """Somebody with a browser and a mind of his own."""

    def __init__(self, name: str, seed: int, client: AsyncClient, history: History) -> None:
        self.name, self.client, self.history = name, client, history
        self.random = Random(f"{seed} {name}")  # noqa: S311 - to be repeated, not to be secret
        self.credentials = {"email": f"{name}-{new_id()}@ticketing.test", "password": PASSWORD}

    async def ask(self, method: str, path: str, sent: Document | None = None) -> Answer:
        """A request in this person's name."""
        return await self.history.ask(self.client, self.name, method, path, sent)

    async def sign_up(self) -> None:
        """Open an account, before anything breaks."""
        answer = await self.ask("POST", "/api/users/signup", self.credentials)
        assert answer.status == 201, answer

    async def live(self) -> None:
        """Be busy until cancelled."""
        raise NotImplementedError

    async def sign_in_again(self) -> None:
        """Begin a new session; the old one stays good if that fails."""
        await self.ask("POST", "/api/users/signin", self.credentials)

    async def hesitate(self, longest: float = 0.4) -> None:
        """Think for a moment."""
        await asyncio.sleep(self.random.uniform(0, longest))

    async def look(self, path: str) -> Answer:
        """At what may have changed since the last time."""
        return await self.ask("GET", path)

    async def on_offer(self) -> list[str]:
        """The ids of tickets that nobody holds, as far as one is told."""
        answer = await self.look(f"/api/tickets?limit={SHELF}")
        return [ticket["id"] for ticket in answer.body.get("items", [])]


class Seller(Person):
    """Keeps the shelf full and changes prices."""

    @override
    async def live(self) -> None:
        while True:
            offered = await self.on_offer()
            if len(offered) < SHELF:
                await self.ask("POST", "/api/tickets", self._offer())
            elif self.random.random() < 0.5:
                await self.ask("PUT", f"/api/tickets/{self.random.choice(offered)}", self._offer())
            if self.random.random() < 0.5:
                await self._look_at_own()
            await self.hesitate(0.6)

    async def _look_at_own(self) -> None:
        """At all that is newest, and at one of them."""
        answer = await self.look(f"/api/tickets?mine=true&limit={3 * SHELF}")
        if own := answer.body.get("items"):
            await self.look(f"/api/tickets/{self.random.choice(own)['id']}")

    def _offer(self) -> Document:
        cents = self.random.randrange(50, 50_000)
        return {"title": f"Concert {self.random.randrange(1000)}", "price": f"{cents / 100:.2f}"}


class Buyer(Person):
    """Orders whatever is there, and then does one of the things that buyers do."""

    def __init__(
        self, name: str, seed: int, client: AsyncClient, history: History, bank: AsyncClient
    ) -> None:
        super().__init__(name, seed, client, history)
        self._bank = bank
        self._placed: list[str] = []
        self._ways: dict[Callable[[str], Awaitable[object]], int] = {
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
    async def live(self) -> None:
        while True:
            if self.random.random() < 0.05:
                await self.sign_in_again()
            if offered := await self.on_offer():
                await self._order(self.random.choice(offered))
            if self._placed and self.random.random() < 0.3:
                await self._look_at(self.random.choice(self._placed))
            await self.hesitate()

    async def _order(self, ticket_id: str) -> None:
        answer = await self.ask("POST", "/api/orders", {"ticketId": ticket_id})
        if answer.status != 201:
            return
        await self.hesitate()
        self._placed.append(answer.body["id"])
        [way] = self.random.choices(list(self._ways), list(self._ways.values()))
        await way(self._placed[-1])
        for _ in range(LOOKS):
            await self.hesitate()
            await self._look_at(self._placed[-1])

    async def _look_at(self, order_id: str) -> None:
        """As the page of an order does, payment and all."""
        answer = await self.look(f"/api/orders/{order_id}")
        await self.look(f"/api/payments/{order_id}")
        if ticket := answer.body.get("ticket"):
            await self.look(f"/api/tickets/{ticket['id']}")

    async def _pay(self, order_id: str, card: str = "pm_card_visa") -> Answer:
        sent = {"orderId": order_id, "token": card}
        answer = await self.ask("POST", "/api/payments", sent)
        for _ in range(2):
            if answer.is_unknown or answer.status == 202:
                await self.hesitate()
                answer = await self.ask("POST", "/api/payments", sent)
        if answer.status == 201:
            await self._watch(order_id)
        return answer

    async def _watch(self, order_id: str) -> None:
        """Keep looking until the order has ended; with some patience."""
        until = time.monotonic() + WATCHING_SECONDS
        while time.monotonic() < until:
            order = await self.look(f"/api/orders/{order_id}")
            if order.body.get("status") in FINAL:
                return
            await self.hesitate()

    async def _pay_twice_at_once(self, order_id: str) -> None:
        await asyncio.gather(self._pay(order_id), self._pay(order_id, "tok_visa"))

    async def _pay_with_a_bad_card(self, order_id: str) -> None:
        await self._pay(order_id, "pm_card_visa_chargeDeclined")

    async def _pay_with_a_question(self, order_id: str) -> None:
        answer = await self._pay(order_id, "pm_card_threeDSecure2Required")
        secret = answer.body.get("clientSecret", "")
        if secret and self.random.random() < 0.75:
            await self.hesitate()
            intent, success = secret.partition("_secret_")[0], self.random.random() < 0.75
            path = f"/_sandbox/intents/{intent}/authenticate"
            await History().ask(self._bank, "bank", "POST", path, {"success": success})

    async def _cancel(self, order_id: str) -> None:
        await self.ask("DELETE", f"/api/orders/{order_id}")

    async def _pay_and_cancel_at_once(self, order_id: str) -> None:
        await asyncio.gather(self._pay(order_id), self._cancel(order_id))

    async def _pay_at_the_last_moment(self, order_id: str) -> None:
        await asyncio.sleep(self.random.uniform(2.5, 4.5))
        await self._pay(order_id)

    async def _forget(self, _order_id: str) -> None:
        await self.hesitate()
