"""What an operator does after a stream was deleted with events that nobody had heard."""

import asyncio
import sys

from devstack.headless import Stack

OWNERS = ("orders", "tickets")
PATIENCE_SECONDS = 60.0


async def make_good(stack: Stack) -> None:
    """Have the owners say their state once more, as `make republish` does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for service in OWNERS:
            await _republish(stack, service)


async def _republish(stack: Stack, service: str) -> None:
    own = ("-m", "devstack", "exec", "--data", str(stack.logs.parent), service)
    republish = (sys.executable, "-m", service, "republish")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *own, *republish, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0, f"{service} did not say its state again"
