"""A NATS server that is cut off from the others, and those who are connected to it."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import nats
import pytest

from common.contracts.events import TicketUpdated
from common.messaging.streams import STREAM
from common.messaging.topology import Topology
from devstack.bus_topology import TEST_SUBSCRIPTIONS, keep_topology
from devstack.counter_service import Tally
from devstack.members import Members, choose_member_ports
from devstack.ports import LOOPBACK
from devstack.process import wait_until_ready
from devstack.quick import Processes
from devstack.testing import BusPeer, eventually
from devstack.wires.control import broken
from devstack.wires.links import LinkFault


@pytest.fixture
def members(
    processes: Processes,  # noqa: ARG001 - it starts some
    tmp_path: Path,
) -> Iterator[Members]:
    """Three servers of NATS, and the wires between them."""
    members = choose_member_ports()
    chosen = [
        each for each in members.processes(tmp_path, tmp_path) if not each.name.startswith("mongod")
    ]
    try:
        for process in chosen:
            process.spawn()
        wait_until_ready(chosen, 60)
        yield members
    finally:
        for process in chosen:
            process.kill()


def cut_off(server: str) -> LinkFault:
    """One of three from both others, and from nobody else."""
    others = {f"nats-{number}" for number in (1, 2, 3)} - {server}
    away = frozenset(product([server], others))
    return LinkFault(ways=away | {(b, a) for a, b in away})


async def leader_of(members: Members) -> str:
    """The server that takes what is published, once there is one."""
    found: list[str] = []
    client = await nats.connect(members.nats_url.split(","))

    async def is_known() -> bool:
        try:
            info = await client.jetstream().stream_info(STREAM)
        except nats.errors.Error:
            return False
        found.extend([info.cluster.leader] if info.cluster and info.cluster.leader else [])
        return bool(found)

    await eventually(is_known, "the stream has a leader")
    await client.close()
    return found[-1]


async def test_a_connected_client_switches_to_another_server(members: Members) -> None:
    async with keep_topology(members.nats_url, Topology.of(3, TEST_SUBSCRIPTIONS)):
        leader = await leader_of(members)
        seat = members.nats[int(leader.rpartition("-")[2]) - 1].seat
        peer = BusPeer(f"nats://{LOOPBACK}:{seat}")  # it hears of the others

        async def says_so() -> bool:
            return "NATS does not answer" in peer.bus.problem

        async with peer.connected():
            await peer.publish(Tally.new().to_event())
            await peer.wait_for(TicketUpdated)
            async with broken(members.control, cut_off(leader)):
                await peer.publish(Tally.new().to_event())
                await peer.wait_for(TicketUpdated, 2)
