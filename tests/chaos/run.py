"""One run: people, faults, quiet, and the verdict."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import nats
from httpx import AsyncClient
from nats.aio.client import Client
from tests.chaos.crowd import Buyer, Seller
from tests.chaos.evidence import Databases, Evidence, gather
from tests.chaos.faults import STREAM_DELETED, Faults
from tests.chaos.history import History
from tests.chaos.invariants import violations
from tests.chaos.processes import Processes
from tests.chaos.quiet import is_quiet
from tests.chaos.repair import make_good
from tests.chaos.violation import Violation

from devstack import headless
from devstack.headless import Stack

WINDOW_SECONDS = 4
REPLICAS = "auth=2,tickets=2,orders=2,expiration=2,payments=2"
BUYERS, SELLERS = 14, 3
ANSWER_SECONDS = 12


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    seed: int
    seconds: float
    faults: Counter[str]
    evidence: Evidence
    violations: Sequence[Violation]


async def run(seed: int, seconds: float, folder: Path) -> Outcome:
    """Break a whole system for so many seconds, let it heal, and look whether it has."""
    arguments = ("--quiet", "--window", str(WINDOW_SECONDS), "--replicas", REPLICAS)
    with headless.stack(folder, *arguments) as stack:
        databases = Databases(stack)
        try:
            return await _run(seed, seconds, stack, databases)
        finally:
            databases.close()


async def _run(seed: int, seconds: float, stack: Stack, databases: Databases) -> Outcome:
    history = History()
    async with _bus(stack) as bus, AsyncClient(base_url=stack.sandbox, timeout=5) as sandbox:
        random = Random(f"{seed} faults")  # noqa: S311 - to be repeated, not to be secret
        faults = Faults(Processes(stack, random), bus, sandbox, random)
        async with _crowd(seed, stack, history, sandbox):
            await _for_a_while(faults, seconds)
        await faults.end()
        is_whole = not faults.done[STREAM_DELETED]
        if not is_whole:
            await make_good(stack)
        noise = await is_quiet(stack, databases)
        evidence = await gather(stack, databases, history.answers)
        evidence = replace(evidence, is_whole=is_whole)
    return Outcome(seed, seconds, faults.done, evidence, [*noise, *violations(evidence)])


async def _for_a_while(faults: Faults, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await faults.live()


@asynccontextmanager
async def _bus(stack: Stack) -> AsyncIterator[Client]:
    async def ignore(_: Exception) -> None:
        """It is meant to break."""

    client = await nats.connect(stack.nats, max_reconnect_attempts=-1, error_cb=ignore)
    yield client
    await client.close()


@asynccontextmanager
async def _crowd(
    seed: int, stack: Stack, history: History, bank: AsyncClient
) -> AsyncIterator[None]:
    """People who are busy until the end of the block, and then finish what they are at."""
    async with AsyncExitStack() as browsers:

        async def browser() -> AsyncClient:
            client = AsyncClient(base_url=stack.gateway, timeout=ANSWER_SECONDS)
            return await browsers.enter_async_context(client)

        sellers = [Seller(f"seller-{n}", seed, await browser(), history) for n in range(SELLERS)]
        buyers = [Buyer(f"buyer-{n}", seed, await browser(), history, bank) for n in range(BUYERS)]
        people = [*sellers, *buyers]
        for person in people:
            await person.sign_up()
        lives = [asyncio.create_task(person.live()) for person in people]
        yield
        for life in lives:
            life.cancel()
        for ended in await asyncio.gather(*lives, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended
