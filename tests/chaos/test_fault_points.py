"""A process that dies exactly between two lines that belong together, and is started again."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from httpx import AsyncClient
from tests.chaos.target import TargetService, target_service

from common.contracts.events import (
    ExpirationComplete,
    OrderCreated,
    PaymentCreated,
    TicketUpdated,
    wire_time,
)
from devstack.api_client import SandboxClient
from devstack.keys import KeyPair
from devstack.order_history import OrderHistory
from devstack.plan import http_url
from devstack.process import Process
from devstack.servers import MongoServer, NatsServer
from devstack.testing import BusPeer
from devstack.ticket_history import TicketHistory

ACKNOWLEDGED = b'"stream":"ticketing"'


class OpenTarget(Protocol):
    """Makes the service of a name a victim."""

    def __call__(self, service: str) -> AbstractAsyncContextManager[tuple[TargetService, Process]]:
        """For as long as the block."""


@pytest.fixture
def open_target(
    tmp_path: Path,
    jwt_keys: KeyPair,
    mongod: MongoServer,
    nats_server: NatsServer,
    nats_url: str,  # noqa: ARG001 - without the streams of other tests
) -> OpenTarget:
    """Makes victims of services."""
    return partial(target_service, folder=tmp_path, keys=jwt_keys, mongod=mongod, nats=nats_server)


@pytest.fixture
async def payments(open_target: OpenTarget) -> AsyncIterator[tuple[TargetService, SandboxClient]]:
    """The payments service, running, and Stripe's books."""
    async with open_target("payments") as (process, sandbox):
        sandbox.start()
        async with AsyncClient(base_url=http_url(process.stripe.server_port)) as client:
            await process.start()
            yield process, SandboxClient(client)


@pytest.mark.parametrize(
    ("pattern", "by_server"),
    [(b"HPUB order:created ", False), (ACKNOWLEDGED, True)],
    ids=["between the write and the publish", "between the publish and the clearing"],
)
async def test_an_order_is_announced_once_after_a_crash(
    open_target: OpenTarget, peer: BusPeer, pattern: bytes, by_server: bool
) -> None:
    ticket = TicketHistory()
    async with open_target("orders") as (orders, _):
        await orders.start()
        await peer.publish(ticket.event(0))
        await peer.wait_acked_by("orders")
        orders.kill_at(orders.bus, pattern, by_server=by_server)
        await orders.post(orders.new_session(), "/api/orders", {"ticketId": ticket.id})
        await orders.wait_killed(orders.bus)
        left = orders.only("orders")
        assert [entry["subject"] for entry in left["outbox"]] == ["order:created"]
        was_published = by_server
        assert len(await peer.wait_for(OrderCreated, was_published)) == was_published
        await orders.start()
        await orders.wait_document("orders", left["_id"], {"outbox": []})
        [told] = await peer.wait_for(OrderCreated)
        assert told.id == left["_id"]


async def test_lost_ack_reserves_ticket_once(open_target: OpenTarget, peer: BusPeer) -> None:
    async with open_target("tickets") as (tickets, _):
        await tickets.start()
        answer = await tickets.post(
            tickets.new_session(), "/api/tickets", {"title": "Concert", "price": 20}
        )
        assert answer
        order = OrderHistory("buyer", ticket_id=answer.json()["id"])
        tickets.kill_at(tickets.bus, b"PUB $JS.ACK.")
        await peer.publish(order.event(OrderCreated, 0))
        await tickets.wait_killed(tickets.bus)
        assert tickets.document("tickets", order.ticket_id)["orderId"] == order.id
        await tickets.start()
        await peer.publish(order.event(OrderCreated, 0), copy="again")
        await peer.publish(OrderHistory("buyer", ticket_id=order.ticket_id).event(OrderCreated, 0))
        held = await peer.wait_for(TicketUpdated, 2)
        assert [event.version for event in held] == [1, 2]


@pytest.mark.parametrize(
    ("pattern", "by_server", "status"),
    [
        (b'"status":"requires_confirmation"', True, "requires_confirmation"),
        (b"/confirm", False, "requires_confirmation"),
        (b'"status":"requires_capture"', True, "requires_capture"),
    ],
    ids=[
        "between the intent and the storing of its id",
        "between the intent and the confirm",
        "between the confirm and the storing of the outcome",
    ],
)
async def test_a_payment_is_made_once_after_a_crash(
    payments: tuple[TargetService, SandboxClient],
    peer: BusPeer,
    pattern: bytes,
    by_server: bool,
    status: str,
) -> None:
    service, sandbox_client = payments
    buyer = service.new_session()
    order = OrderHistory(buyer.id)
    await peer.publish(order.event(OrderCreated, 0))
    service.kill_at(service.stripe, pattern, by_server=by_server)
    paid = {"orderId": order.id, "token": "pm_card_visa"}
    assert await service.post(buyer, "/api/payments", paid) is None
    await service.wait_killed(service.stripe)
    assert [intent["status"] for intent in await sandbox_client.intents_of(order.id)] == [status]
    assert service.document("checkouts", order.id)["payment"]["status"] == "pending"
    service.update("checkouts", order.id, {"dueAt": datetime.now(UTC)})  # its lease is over
    await service.start()
    await peer.wait_for(PaymentCreated)
    assert [intent["status"] for intent in await sandbox_client.intents_of(order.id)] == [
        "requires_capture"
    ]
    await peer.wait_acked_by("payments")
    assert len(peer.received_of(PaymentCreated)) == 1


@pytest.mark.parametrize(
    ("pattern", "by_server"),
    [(b"HPUB expiration:complete ", False), (ACKNOWLEDGED, True)],
    ids=["between the claim and the publish", "between the publish and the mark"],
)
async def test_a_timer_fires_once_after_a_crash(
    open_target: OpenTarget, peer: BusPeer, pattern: bytes, by_server: bool
) -> None:
    async with open_target("expiration") as (expiration, _):
        await expiration.start()
        order = OrderHistory("buyer", datetime.now(UTC) + timedelta(seconds=3))
        expiration.kill_at(expiration.bus, pattern, by_server=by_server)
        await peer.publish(order.event(OrderCreated, 0))
        await expiration.wait_killed(expiration.bus)
        assert datetime.now(UTC) >= order.expires_at
        claimed = expiration.document("timers", order.id)
        assert wire_time(claimed["fireAt"]) == wire_time(order.expires_at)
        assert (claimed["state"], "leaseUntil" in claimed) == ("scheduled", True)
        was_published = by_server
        assert len(await peer.wait_for(ExpirationComplete, was_published)) == was_published
        expiration.update("timers", order.id, {"leaseUntil": order.expires_at + timedelta(hours=1)})
        await expiration.start()
        marker = OrderHistory("buyer", datetime.now(UTC))
        await peer.publish(marker.event(OrderCreated, 0))
        await peer.wait_acked_by("expiration")
        await expiration.wait_document("timers", marker.id, {"state": "fired"})
        assert expiration.document("timers", order.id)["state"] == "scheduled"
        expiration.update("timers", order.id, {"leaseUntil": order.expires_at})
        await expiration.wait_document("timers", order.id, {"state": "fired"})
        fired = [event.order_id for event in await peer.wait_for(ExpirationComplete, 2)]
        assert sorted(fired) == sorted([order.id, marker.id])
