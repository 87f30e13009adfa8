"""The stream is deleted, or a copy is lost: the system goes on, and `republish` makes it whole."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from httpx import AsyncClient, TransportError
from pymongo import MongoClient
from tests.conftest import Launch

from common.messaging.bus import Bus
from devstack.api_client import ApiClient
from devstack.freezing import frozen
from devstack.jetstream import consumer_state, delete_all_streams
from devstack.running_stack import RunningStack
from devstack.testing import eventually

Documents = dict[str, dict[str, Any]]

COPIES = {"orders": "tickets", "payments": "checkouts", "expiration": "timers"}
CONSUMERS = ("tickets", "orders", "expiration", "payments")


@pytest.fixture(scope="module")
def stack(launch: Launch) -> Iterator[RunningStack]:
    """A stack of its own: what happens here happens to everybody."""
    with launch("--window", "600") as running:
        yield running


class Databases:
    """What the services have stored."""

    def __init__(self, stack: RunningStack) -> None:
        self._addresses = stack.mongo

    def read(self, service: str, collection: str) -> Documents:
        """All documents by their ids."""
        with MongoClient[dict[str, Any]](self._addresses[service]) as client:
            found = client.get_default_database()[collection].find()
            return {document["_id"]: document for document in found}

    def forget(self, service: str, collection: str) -> None:
        """Lose a collection's documents; its indexes stay."""
        with MongoClient[dict[str, Any]](self._addresses[service]) as client:
            client.get_default_database()[collection].delete_many({})

    async def are_announced(self) -> bool:
        """Whether no event waits in an outbox."""
        stored = [self.read("tickets", "tickets"), self.read("orders", "orders")]
        return not any(one.get("outbox") for documents in stored for one in documents.values())

    @property
    def differences(self) -> list[str]:
        """Where a copy is not like its original."""
        tickets, copies = self.read("tickets", "tickets"), self.read("orders", "tickets")
        orders, checkouts = self.read("orders", "orders"), self.read("payments", "checkouts")
        timers = self.read("expiration", "timers")
        return [
            *_unequal("orders.tickets", copies, tickets, ("version", "title", "priceCents")),
            *_unequal(
                "payments.order",
                {key: checkout["order"] for key, checkout in checkouts.items()},
                orders,
                ("version", "status", "userId", "expiresAt"),
            ),
            *_unequal(
                "expiration.timers",
                {key: {"is over": timer["state"] == "cancelled"} for key, timer in timers.items()},
                {key: {"is over": _is_final(order)} for key, order in orders.items()},
                ("is over",),
            ),
            *_unequal(
                "tickets.orderId",
                {key: {"orderId": ticket["orderId"]} for key, ticket in tickets.items()},
                {key: {"orderId": _holder(key, orders)} for key in tickets},
                ("orderId",),
            ),
            *(f"order {key} waits" for key, each in orders.items() if each["status"] == "created"),
        ]


def _unequal(
    name: str, copies: Documents, originals: Documents, fields: tuple[str, ...]
) -> list[str]:
    def facts(documents: Documents, key: str) -> list[object] | None:
        return [documents[key][field] for field in fields] if key in documents else None

    compared = {
        key: (facts(copies, key), facts(originals, key)) for key in sorted({*copies, *originals})
    }
    return [f"{name} {key}: {one} != {two}" for key, (one, two) in compared.items() if one != two]


def _is_final(order: dict[str, Any]) -> bool:
    return order["status"] in {"complete", "cancelled"}


def _holder(ticket_id: str, orders: Documents) -> str | None:
    mine = (order for order in orders.values() if order["ticket"]["id"] == ticket_id)
    return next((order["_id"] for order in mine if order["holdsTicket"]), None)


@pytest.fixture
def databases(stack: RunningStack) -> Databases:
    """What the services have stored."""
    return Databases(stack)


def nats_port(stack: RunningStack) -> int:
    """Where the bus is."""
    return int(stack.nats.rpartition(":")[2])


async def run(stack: RunningStack, service: str, module: str, *words: str) -> str:
    """Run a module with the settings of a service, as `make` does; what it said."""
    own = ("-m", "devstack", "exec", "--data", str(stack.logs.parent), service)
    command = (*own, sys.executable, "-m", module, *words)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def republish(stack: RunningStack, service: str) -> None:
    """Have a service say the state of everything once more."""
    assert "republished" in await run(stack, service, service, "republish")


@asynccontextmanager
async def losing(stack: RunningStack, databases: Databases, *services: str) -> AsyncIterator[None]:
    """What is said meanwhile never reaches these services: they crash, and the stream is gone."""
    pids = [pid for service in services for pid in stack.now().pids[service]]
    with frozen(*pids):
        try:
            yield
            await eventually(databases.are_announced)
            delete_all_streams(nats_port(stack))
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)

    async def are_back() -> bool:
        urls = [url for service in services for url in stack.services[service]]
        return all([await is_ready(url) for url in urls])

    await eventually(are_back)


async def is_ready(url: str) -> bool:
    """Whether a service says that it can work."""
    async with AsyncClient(base_url=url) as probe:
        try:
            return (await probe.get("/readyz")).is_success
        except TransportError:
            return False


async def wait_until_idle(stack: RunningStack) -> None:
    """Wait until everybody has heard everything."""

    async def all_consumed() -> bool:
        backlogs = [consumer_state(nats_port(stack), service) for service in CONSUMERS]
        return all(backlog is not None and backlog.is_empty for backlog in backlogs)

    await eventually(all_consumed, "everything is heard")


async def whole(databases: Databases) -> None:
    """Wait until every copy is like its original."""

    async def same() -> bool:
        return databases.differences == []

    with suppress(AssertionError):  # the list itself says more
        await eventually(same)
    assert databases.differences == []


async def trade(seller: ApiClient, buyer: ApiClient) -> list[str]:
    """Tickets in every state: free, edited, held, sold, given back."""
    tickets = [await seller.list_ticket() for _ in range(5)]
    _free, edited, held, sold, freed = tickets
    await seller.client.put(f"/api/tickets/{edited}", json={"title": "Opera", "price": 25})
    orders = [await buyer.order(ticket_id) for ticket_id in (held, sold, freed)]
    for order_id in orders:
        await buyer.wait_order_status(order_id, "awaiting:payment")
    assert (await buyer.pay(orders[1])).status_code == 201
    await buyer.wait_order_status(orders[1], "complete")
    assert (await buyer.cancel(orders[2])).status_code == 204
    await seller.wait_ticket_free(freed)
    return orders


async def test_sales_go_on_after_the_stream_was_deleted(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient, databases: Databases
) -> None:
    await trade(seller, buyer)
    await wait_until_idle(stack)
    delete_all_streams(nats_port(stack))
    ticket_id = await seller.list_ticket()

    async def orderable() -> bool:
        return (await buyer.post_order(ticket_id)).status_code == 201

    await eventually(orderable, "a ticket that was listed without a stream can be ordered")
    await trade(seller, buyer)
    await wait_until_idle(stack)
    await whole(databases)


async def test_lost_stream_is_repaired(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient, databases: Databases
) -> None:
    held, *_ = await trade(seller, buyer)
    wanted = await seller.list_ticket()
    await buyer.wait_order_status(await buyer.order(await seller.list_ticket()), "awaiting:payment")
    await wait_until_idle(stack)
    async with losing(stack, databases, "tickets", "payments", "expiration"):
        waiting = await buyer.order(wanted)
        assert (await buyer.cancel(held)).status_code == 204
    async with losing(stack, databases, "orders"):
        unheard = await seller.list_ticket()
        edited = {"title": "Opera", "price": 25}
        await seller.client.put(f"/api/tickets/{unheard}", json=edited)
    await whole(databases)
    await wait_until_idle(stack)
    assert (await buyer.pay(waiting)).status_code == 201
    await buyer.wait_payment_status(waiting, "captured")
    await buyer.wait_order_status(await buyer.order(unheard), "awaiting:payment")
    await trade(seller, buyer)
    await whole(databases)


async def test_empty_copies_are_filled(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient, databases: Databases
) -> None:
    held, *_ = await trade(seller, buyer)
    await wait_until_idle(stack)
    for service, collection in COPIES.items():
        databases.forget(service, collection)
    delete_all_streams(nats_port(stack))
    assert databases.differences
    await asyncio.gather(republish(stack, "tickets"), republish(stack, "orders"))
    await whole(databases)
    assert (await buyer.pay(held)).status_code == 201
    await buyer.wait_payment_status(held, "captured")
    await trade(seller, buyer)
    await whole(databases)


async def test_dead_letter_returns_until_discarded(stack: RunningStack) -> None:
    async def letters() -> list[str]:
        said = await run(stack, "orders", "common.dead_letters", "list", "--service", "orders")
        return [line.split()[0] for line in said.splitlines()[1:]]

    async def another() -> bool:
        return len(found := await letters()) == 1 and found != known

    bus, known = Bus(stack.nats, service="somebody"), list[str]()
    await bus.connect()
    await bus.publish("ticket:created", b"{}", {})
    await bus.close()
    await eventually(another)
    known = await letters()
    await run(stack, "orders", "common.dead_letters", "replay", *known)
    await eventually(another)
    await run(stack, "orders", "common.dead_letters", "discard", "all")
    assert await letters() == []
