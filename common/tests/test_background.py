"""Work beside the requests: nobody waits for it, so it has to go on by itself."""

import asyncio

import pytest

from common import background as background_module
from common.background import Background
from devstack.testing import PATIENCE_SECONDS, eventually


async def test_work_begins_again_after_a_failure() -> None:
    background, begun = Background(), list[str]()

    async def work() -> None:
        begun.append("work")
        if len(begun) == 1:
            raise ValueError("the first time goes wrong")
        await asyncio.Event().wait()

    async def twice() -> bool:
        return len(begun) == 2

    background.start(work)
    await eventually(twice)
    await background.stop()


async def test_a_failure_leaves_other_work_alone() -> None:
    background, done = Background(), asyncio.Event()

    async def fail() -> None:
        raise ValueError("always")

    async def work() -> None:
        await asyncio.sleep(0)
        done.set()

    background.start(fail)
    background.start(work)
    await asyncio.wait_for(done.wait(), PATIENCE_SECONDS)
    await background.stop()


async def test_work_that_ends_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    background, begun = Background(), list[str]()

    async def work() -> None:
        begun.append("work")

    monkeypatch.setattr(background_module, "AGAIN_SECONDS", 0)
    background.start(work)
    for _ in range(10):  # as many turns as it needs to begin again
        await asyncio.sleep(0)
    await background.stop()
    assert begun == ["work"]


async def test_stopping_ends_what_goes_on() -> None:
    background, log = Background(), list[str]()

    async def work() -> None:
        log.append("begins")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("tidies up")

    async def begun() -> bool:
        return log == ["begins"]

    background.start(work)
    await eventually(begun)
    await background.stop()
    assert log == ["begins", "tidies up"]


async def test_a_swallowed_cancellation_is_asked_again() -> None:
    background, log = Background(), list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("swallowed")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("ended")

    background.start(work)
    await asyncio.sleep(0)
    await background.stop()
    assert log == ["swallowed", "ended"]
