"""One run: workload, faults, quiescence, and the verdict."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import nats
from httpx import AsyncClient
from nats.aio.client import Client
from tests.chaos.faults import LOSING, Faults
from tests.chaos.faults_of_members import MemberFaults
from tests.chaos.history import History
from tests.chaos.invariants import violations
from tests.chaos.members import Members
from tests.chaos.observations import Databases, Observations, gather
from tests.chaos.processes import Processes
from tests.chaos.quiescence import wait_until_quiescent
from tests.chaos.violation import Violation
from tests.chaos.workload import Buyer, Seller

from devstack.running_stack import RunningStack, launch_stack
from devstack.testing import eventually

WINDOW_SECONDS = 4
ANSWER_SECONDS = 12
CLOCKS = "tickets-1=-600,orders-1=600,orders-2=-600,payments-2=600"
"""By how much the machines of some replicas are wrong, which are there at each scale."""


@dataclass(frozen=True)
class Scale:
    """How much of everything there is, so that two cores carry it."""

    replicas: str
    buyers: int
    sellers: int
    breath: float
    """Seconds from one fault of a single process to the next."""
    peace: float
    """Seconds after the last fault in which users go on."""


SCALES = {
    1: Scale("auth=2,tickets=2,orders=2,expiration=2,payments=2", 14, 3, 0.5, 0),
    3: Scale("tickets=2,orders=2,payments=2", 12, 3, 2.0, 8),
}
"""By the members of MongoDB and NATS."""


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    seed: int
    seconds: float
    faults: Counter[str]
    observations: Observations
    violations: Sequence[Violation]


async def run(
    seed: int, seconds: float, folder: Path, members: int = 1, until: Sequence[str] = ()
) -> Outcome:
    """Break a whole system for so many seconds, let it heal, and look whether it has.

    It is broken for longer where some of the faults in `until` have not been made by then.
    """
    scale = SCALES[members]
    arguments = ("--quiet", "--window", str(WINDOW_SECONDS), "--replicas", scale.replicas)
    circumstances = ("--members", str(members), "--clocks", CLOCKS)
    with launch_stack(folder, *arguments, *circumstances) as stack:
        databases = Databases(stack)
        try:
            return await _run(seed, seconds, stack, databases, scale, until)
        finally:
            databases.close()


async def _run(
    seed: int,
    seconds: float,
    stack: RunningStack,
    databases: Databases,
    scale: Scale,
    until: Sequence[str],
) -> Outcome:
    history = History()
    async with _bus(stack) as bus, AsyncClient(base_url=stack.sandbox, timeout=5) as sandbox:
        random = Random(f"{seed} faults")  # noqa: S311 - to be repeated, not to be secret
        processes = Processes(stack, random)
        config = None if stack.wires else stack.logs.parent / "nats.conf"
        faults = Faults(processes, bus, sandbox, random, config)
        lives = [faults.live(scale.breath)]
        if stack.wires:
            members = Members(stack, stack.wires, bus.jetstream(timeout=2))
            lives.append(MemberFaults(members, processes, bus, random, faults.done).live(seed))
        async with _workload(seed, stack, history, sandbox, scale):
            await _for_a_while(lives, seconds, faults.done, until)
            await faults.end()
            await asyncio.sleep(scale.peace)
        is_whole = not any(faults.done[lost] for lost in LOSING)
        pending = await wait_until_quiescent(stack, databases)
        observed = await gather(stack, databases, history.answers)
        observed = replace(observed, is_whole=is_whole)
    return Outcome(seed, seconds, faults.done, observed, [*pending, *violations(observed)])


async def _for_a_while(
    lives: Sequence[Coroutine[None, None, None]],
    seconds: float,
    done: Counter[str],
    until: Sequence[str],
) -> None:
    async def all_made() -> bool:
        return all(done[fault] for fault in until)

    async with asyncio.TaskGroup() as under_way:
        tasks = [under_way.create_task(life) for life in lives]
        await asyncio.sleep(seconds)
        await eventually(all_made, f"{until} are made")
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def _bus(stack: RunningStack) -> AsyncIterator[Client]:
    async def ignore(_: Exception) -> None:
        """It is meant to break."""

    client = await nats.connect(
        stack.nats.split(","), max_reconnect_attempts=-1, ping_interval=2, error_cb=ignore
    )
    yield client
    await client.close()


@asynccontextmanager
async def _workload(
    seed: int, stack: RunningStack, history: History, bank: AsyncClient, scale: Scale
) -> AsyncIterator[None]:
    """Users who act until the end of the block."""
    async with AsyncExitStack() as browsers:

        async def browser() -> AsyncClient:
            client = AsyncClient(base_url=stack.gateway, timeout=ANSWER_SECONDS)
            return await browsers.enter_async_context(client)

        sellers = [
            Seller(f"seller-{n}", seed, await browser(), history) for n in range(scale.sellers)
        ]
        buyers = [
            Buyer(f"buyer-{n}", seed, await browser(), history, bank) for n in range(scale.buyers)
        ]
        users = [*sellers, *buyers]
        for user in users:
            await user.sign_up()
        lives = [asyncio.create_task(user.run()) for user in users]
        yield
        for life in lives:
            life.cancel()
        for ended in await asyncio.gather(*lives, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended
