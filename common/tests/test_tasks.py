"""Work beside the requests: nobody waits for it, so it has to go on by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import pytest

from common import tasks as module
from common.tasks import TaskSupervisor, for_each_concurrently, run_concurrently
from devstack.testing import TIMEOUT_SECONDS, eventually

LONG_SECONDS = 20
"""How long work goes on that nobody ends; a test that fails is over some time."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What swallows a cancellation is asked again soon."""
    monkeypatch.setattr(module, "RESTART_SECONDS", 0.05)


async def test_work_begins_again_after_a_failure() -> None:
    supervisor, begun = TaskSupervisor(), list[str]()

    async def work() -> None:
        begun.append("work")
        if len(begun) == 1:
            raise ValueError("the first time goes wrong")
        await asyncio.Event().wait()

    async def twice() -> bool:
        return len(begun) == 2

    supervisor.start(work)
    await eventually(twice)
    await supervisor.stop()


async def test_a_failure_leaves_other_work_alone() -> None:
    supervisor, done = TaskSupervisor(), asyncio.Event()

    async def fail() -> None:
        raise ValueError("always")

    async def work() -> None:
        await asyncio.sleep(0)
        done.set()

    supervisor.start(fail)
    supervisor.start(work)
    await asyncio.wait_for(done.wait(), TIMEOUT_SECONDS)
    await supervisor.stop()


async def test_work_that_ends_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor, begun = TaskSupervisor(), list[str]()

    async def work() -> None:
        begun.append("work")

    monkeypatch.setattr(module, "RESTART_SECONDS", 0)
    supervisor.start(work)
    for _ in range(10):  # as many turns as it needs to begin again
        await asyncio.sleep(0)
    await supervisor.stop()
    assert begun == ["work"]


async def test_stopping_ends_what_goes_on() -> None:
    supervisor, log = TaskSupervisor(), list[str]()

    async def work() -> None:
        log.append("begins")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("tidies up")

    async def begun() -> bool:
        return log == ["begins"]

    supervisor.start(work)
    await eventually(begun)
    await supervisor.stop()
    assert log == ["begins", "tidies up"]


async def swallow(times: int, log: list[str]) -> None:
    """Goes on after so many cancellations, as a library may make it."""
    log.append("begins")
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(LONG_SECONDS)
    try:
        await asyncio.sleep(LONG_SECONDS)
    finally:
        log.append("ended")


async def begun(log: list[str], count: int) -> None:
    """Wait until so many have begun."""

    async def so_many() -> bool:
        return log.count("begins") == count

    await eventually(so_many)


async def ended(work: "asyncio.Task[None]") -> "asyncio.Task[None]":
    """The work once it is over, which a swallowed cancellation must not put off for ever."""
    await asyncio.wait([work], timeout=LONG_SECONDS / 2)
    assert work.done()
    return work


async def test_a_swallowed_cancellation_is_asked_again() -> None:
    supervisor, log = TaskSupervisor(), list[str]()
    supervisor.start(partial(swallow, 1, log))
    await begun(log, 1)
    await supervisor.stop()
    assert log == ["begins", "ended"]


async def test_a_cancellation_nobody_asked_for_ends_no_work() -> None:
    supervisor, log = TaskSupervisor(), list[str]()

    async def work() -> None:
        log.append("begins")
        forgotten = asyncio.get_running_loop().create_future()
        if len(log) == 1:
            forgotten.cancel()  # as a client library does with what waits for a lost connection
        await forgotten

    supervisor.start(work)
    await begun(log, 2)
    await ended(asyncio.create_task(supervisor.stop()))


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_a_cancellation_cancels_all_concurrent_tasks(times: int) -> None:
    log = list[str]()
    group = asyncio.create_task(run_concurrently(swallow(times, log), swallow(0, log)))
    await begun(log, 2)
    group.cancel()
    assert (await ended(group)).cancelled()
    assert log.count("ended") == 2


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_a_failure_cancels_all_concurrent_tasks(times: int) -> None:
    log, may_fail = list[str](), asyncio.Event()

    async def fail() -> None:
        await may_fail.wait()
        raise ValueError("this one")

    group = asyncio.create_task(run_concurrently(swallow(times, log), fail(), swallow(0, log)))
    await begun(log, 2)
    may_fail.set()
    assert str((await ended(group)).exception()) == "this one"
    assert log.count("ended") == 2


async def test_a_second_cancellation_leaves_nothing_behind() -> None:
    log = list[str]()
    group = asyncio.create_task(run_concurrently(swallow(10, log), swallow(0, log)))
    await begun(log, 2)
    for _ in range(2):
        group.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not group.done()
    assert (await ended(group)).cancelled()
    assert log.count("ended") == 2


async def test_concurrent_tasks_end_when_all_are_done() -> None:
    log = list[str]()

    async def work(name: str) -> None:
        log.append(name)

    await run_concurrently(work("a"), work("b"))
    assert log == ["a", "b"]


async def test_items_are_asked_for_when_there_is_room() -> None:
    asked, done, go_on = list[int](), list[int](), asyncio.Semaphore(0)

    async def items() -> AsyncIterator[int]:
        for number in range(5):
            asked.append(number)
            yield number

    async def work(number: int) -> None:
        await go_on.acquire()
        done.append(number)

    async def so_many(wanted: int) -> bool:
        return len(asked) == wanted

    group = asyncio.create_task(for_each_concurrently(items(), work, limit=2))
    for finished in range(4):
        await eventually(partial(so_many, finished + 2))
        assert done == list(range(finished))
        go_on.release()
    go_on.release()
    assert (await ended(group)).exception() is None
    assert done == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("times", [0, 1])
async def test_a_cancellation_cancels_the_processing_of_items(times: int) -> None:
    log = list[str]()

    async def items() -> AsyncIterator[int]:
        for _ in range(2):
            yield times
        await swallow(times, log)

    group = asyncio.create_task(
        for_each_concurrently(items(), lambda each: swallow(each, log), limit=3)
    )
    await begun(log, 3)
    group.cancel()
    assert (await ended(group)).cancelled()
    assert log.count("ended") == 3


async def test_a_failure_cancels_the_processing_of_items() -> None:
    log = list[str]()

    async def items() -> AsyncIterator[int]:
        yield 1
        await begun(log, 1)
        yield 2

    async def work(item: int) -> None:
        if item == 2:
            raise ValueError("item 2")
        await swallow(1, log)

    group = asyncio.create_task(for_each_concurrently(items(), work, limit=2))
    assert str((await ended(group)).exception()) == "item 2"
    assert log == ["begins", "ended"]
