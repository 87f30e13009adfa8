"""Jobs of one key run one after another, jobs of different keys side by side."""

import asyncio
from itertools import count

import pytest

from common.messaging import keyed_queue as keyed_queue
from common.messaging.keyed_queue import Job, KeyedQueue

number = count(10)


def noting(log: list[str], name: str, until: asyncio.Event | None = None) -> Job:
    """A job that notes when it begins and when it ends."""

    async def job() -> None:
        log.append(f"{name} begins")
        await (until.wait() if until else asyncio.sleep(0))
        log.append(f"{name} ends")

    return job


async def through(queue: KeyedQueue, *keys: str) -> None:
    """Wait until all jobs of these keys are done."""
    passed = [asyncio.Event() for _ in keys]

    def last(event: asyncio.Event) -> Job:
        async def job() -> None:
            event.set()

        return job

    for key, event in zip(keys, passed, strict=True):
        queue.submit(key, next(number), last(event))
    await asyncio.gather(*(event.wait() for event in passed))


async def test_one_key_goes_in_order() -> None:
    queue, log = KeyedQueue(), list[str]()
    for name in ("first", "second", "third"):
        queue.submit("a", next(number), noting(log, name))
    await through(queue, "a")
    assert log == [
        *("first begins", "first ends"),
        *("second begins", "second ends"),
        *("third begins", "third ends"),
    ]


async def test_keys_do_not_wait_for_each_other() -> None:
    queue, log, go = KeyedQueue(), list[str](), asyncio.Event()

    async def let_go() -> None:
        go.set()

    queue.submit("a", next(number), noting(log, "slow", go))
    queue.submit("a", next(number), noting(log, "next"))
    queue.submit("b", next(number), let_go)
    await through(queue, "a", "b")
    assert log == ["slow begins", "slow ends", "next begins", "next ends"]


async def test_an_empty_lane_opens_again() -> None:
    queue, log = KeyedQueue(), list[str]()
    queue.submit("a", next(number), noting(log, "first"))
    await through(queue, "a")
    await asyncio.sleep(0)  # so that the lane is gone
    queue.submit("a", next(number), noting(log, "second"))
    await through(queue, "a")
    assert log == ["first begins", "first ends", "second begins", "second ends"]


async def test_finishing_begins_nothing_more() -> None:
    queue, log = KeyedQueue(), list[str]()
    queue.submit("a", next(number), noting(log, "running"))
    queue.submit("a", next(number), noting(log, "parked"))
    await asyncio.sleep(0)  # so that the first one begins
    await queue.drain(1)
    assert log == ["running begins", "running ends"]


async def test_a_deferred_job_lets_lower_numbers_go_first() -> None:
    queue, log = KeyedQueue(), list[str]()
    tried_once = asyncio.Event()

    async def early() -> float | None:
        log.append("early")
        tried_once.set()
        return None if "needed" in log else 3600

    async def needed() -> None:
        log.append("needed")

    queue.submit("a", 2, early)
    queue.submit("a", 3, noting(log, "next"))
    await tried_once.wait()
    queue.submit("a", 1, needed)
    await through(queue, "a")
    assert log == ["early", "needed", "early", "next begins", "next ends"]


async def test_a_deferred_job_is_retried() -> None:
    queue, log = KeyedQueue(), list[str]()

    async def early() -> float | None:
        log.append("early")
        return None if len(log) == 3 else 0.001

    queue.submit("a", next(number), early)
    await through(queue, "a")
    assert log == ["early"] * 3


async def test_queued_jobs_are_no_load_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed_queue, "MAX_QUEUED", 2)
    queue, log, go = KeyedQueue(), list[str](), asyncio.Event()
    loads = []
    for key in ("a", "a", "b", "a", "a"):
        queue.submit(key, next(number), noting(log, key, go))
        await asyncio.sleep(0)  # so that it begins if it can
        loads.append(queue.load)
    assert loads == [1, 1, 2, 2, 3]
    go.set()
    await through(queue, "a", "b")
    assert len(log) == 10


async def test_finishing_has_a_limit() -> None:
    queue, log, cut_off = KeyedQueue(), list[str](), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    queue.submit("a", next(number), endless)
    queue.submit("b", next(number), noting(log, "quick"))
    await asyncio.sleep(0)  # so that they begin
    await queue.drain(0.05)
    assert log == ["quick begins", "quick ends"]
    await asyncio.wait_for(cut_off.wait(), 1)


async def test_there_may_be_nothing_to_finish() -> None:
    await KeyedQueue().drain(1)
