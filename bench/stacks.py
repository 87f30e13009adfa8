"""The launcher's stack for one measurement: throw-away, and gone at the end whatever happens."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from devstack.jetstream import consumer_state
from devstack.running_stack import RunningStack, launch_stack
from devstack.testing import eventually


@contextmanager
def stack(*arguments: str) -> Iterator[RunningStack]:
    """A stack of one's own; the arguments are those of `make dev`."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        launch_stack(Path(folder), *arguments) as running,
    ):
        yield running


async def settled(running: RunningStack) -> None:
    """Wait until every event is handled, and what followed from it."""
    port = urlsplit(running.nats).port or 0

    async def heard() -> bool:
        services = ("tickets", "orders", "expiration", "payments")
        backlogs = [consumer_state(port, service) for service in services]
        return all(backlog is not None and backlog.is_empty for backlog in backlogs)

    for _ in range(3):  # what was heard may be answered by another event
        await eventually(heard, "all events are handled")
        await asyncio.sleep(0.2)
