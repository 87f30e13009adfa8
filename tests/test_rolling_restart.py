"""Every replica of every service is restarted while people buy: nobody notices, nothing is lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from urllib.parse import urlsplit

import pytest
from httpx import AsyncClient, HTTPError, Response
from tests.conftest import Launch

from common.mongo import Database
from common.service import Repository
from devstack.headless import Stack
from devstack.jetstream import backlog_of
from devstack.people import Ledger, Person
from devstack.testing import eventually
from expiration.repository import TimerRepository
from orders.repository import OrderRepository
from payments.repository import CheckoutRepository
from tickets.repository import TicketRepository

PAIRS, STRANGERS = 8, 8
COMMANDS = {
    "/api/users/signout": 200,
    "/api/tickets": 401,
    "/api/orders": 401,
    "/api/payments": 401,
}
"""What a stranger is answered without a look into a database: the quickest requests there are."""
REPOSITORIES: dict[str, Callable[[Database], Repository]] = {
    "tickets": TicketRepository,
    "orders": OrderRepository,
    "payments": CheckoutRepository,
    "expiration": TimerRepository,
}


@pytest.fixture(scope="module")
def stack(launch: Launch) -> Iterator[Stack]:
    """Two replicas of every service, and time enough to pay."""
    replicas = "auth=2,tickets=2,orders=2,payments=2,expiration=2"
    arguments = ("--window", "600", "--replicas", replicas)
    with launch(*arguments) as running:
        yield running


class Market:
    """Pairs of a seller and a buyer who do everything there is to do, and a crowd of strangers."""

    def __init__(self, browser: Callable[[], AsyncClient]) -> None:
        self._browser = browser
        self._is_over = False
        self.paid: dict[str, tuple[Person, str]] = {}
        self.cancelled: dict[str, tuple[Person, str]] = {}
        self.answers = 0
        self.wrong: list[str] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open for as long as the block, and until the last deal is done."""
        async with asyncio.TaskGroup() as people:
            for _ in range(PAIRS):
                people.create_task(self._deal(Person(self._browser()), Person(self._browser())))
            for _ in range(STRANGERS):
                people.create_task(self._stroll(self._browser()))
            try:
                yield
            finally:
                self._is_over = True

    async def _deal(self, seller: Person, buyer: Person) -> None:
        await asyncio.gather(seller.sign_up(), buyer.sign_up())
        account = {"email": await self._email(buyer), "password": "correct horse"}
        turn = 0
        while not self._is_over:
            turn += 1
            with self._noting_failures():
                await self._sell(seller, buyer, cancels=turn % 3 == 0)
                if turn % 10 == 0:
                    self._expect(await buyer.client.post("/api/users/signin", json=account), 200)

    async def _stroll(self, stranger: AsyncClient) -> None:
        while not self._is_over:
            for path, status in COMMANDS.items():
                with self._noting_failures():
                    self._expect(await stranger.post(path, json={}), status)

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            self.wrong.append(f"{error!r} of {error.request.method} {error.request.url}")

    async def _email(self, person: Person) -> str:
        answer = await person.client.get("/api/users/currentuser")
        email: str = answer.json()["currentUser"]["email"]
        return email

    async def _sell(self, seller: Person, buyer: Person, *, cancels: bool) -> None:
        ticket = {"title": "Concert", "price": 19.99}
        listed = self._expect(await seller.client.post("/api/tickets", json=ticket), 201)
        ordered = self._expect(await buyer.try_to_order(listed.json().get("id", "")), 201)
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


async def restart(stack: Stack, service: str, index: int) -> None:
    """Ask one replica to end, and wait until the next is ready in its place."""
    before = stack.now().pids[service][index]
    os.kill(before, signal.SIGTERM)

    async def replaced() -> bool:
        return stack.now().pids[service][index] != before

    async def ready() -> bool:
        return await is_ready(stack.services[service][index])

    await eventually(replaced, f"{service}-{index + 1} is another process")
    await eventually(ready, f"{service}-{index + 1} is back")


async def is_ready(url: str) -> bool:
    """Whether a replica says that it can work."""
    async with AsyncClient() as probe:
        try:
            return (await probe.get(f"{url}/readyz")).is_success
        except HTTPError:
            return False


async def everything_is_said_and_heard(stack: Stack) -> None:
    """Wait until all outboxes are empty and all events are acknowledged."""
    port = urlsplit(stack.nats).port or 0

    async def quiet() -> bool:
        backlogs = [backlog_of(port, service) for service in REPOSITORIES]
        speaking = [await has_something_to_say(stack, service) for service in REPOSITORIES]
        return all(each and each.is_empty for each in backlogs) and not any(speaking)

    await eventually(quiet, "quiet")


async def has_something_to_say(stack: Stack, service: str) -> bool:
    """Whether something waits in an outbox of a service."""
    with closing(Database(stack.mongo[service])) as database:
        outboxes = REPOSITORIES[service](database).outboxes
        waiting = [await each.find_one({"outbox.0": {"$exists": True}}) for each in outboxes]
    return any(waiting)


@pytest.mark.timeout(240)
async def test_nobody_notices_a_rolling_restart(
    stack: Stack, ledger: Ledger, browser: Callable[[], AsyncClient]
) -> None:
    market = Market(browser)
    async with market.open():
        for service in stack.services:
            for index in range(2):
                await restart(stack, service, index)
    assert market.wrong == []
    assert min(len(market.paid), len(market.cancelled)) > 50
    await everything_is_said_and_heard(stack)
    for order_id, (buyer, ticket_id) in market.paid.items():
        await buyer.order_is(order_id, "complete")
        await buyer.payment_is(order_id, "captured")
        await buyer.ticket_is_held_by(ticket_id, order_id)
    for order_id, (buyer, ticket_id) in market.cancelled.items():
        await buyer.order_is(order_id, "cancelled")
        await buyer.ticket_is_free(ticket_id)
    books = await ledger.whole()
    taken = {order_id: [each["captured"] for each in books[order_id]] for order_id in books}
    assert taken == {order_id: [1999] for order_id in market.paid}
