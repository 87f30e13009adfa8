"""Jobs of one key run one after another, jobs of different keys side by side."""

import asyncio

from common.messaging.lanes import Job, Lanes


def noting(log: list[str], name: str, until: asyncio.Event | None = None) -> Job:
    """A job that notes when it begins and when it ends."""

    async def job() -> None:
        log.append(f"{name} begins")
        await (until.wait() if until else asyncio.sleep(0))
        log.append(f"{name} ends")

    return job


async def test_one_key_goes_in_order() -> None:
    lanes, log = Lanes(), list[str]()
    for name in ("first", "second", "third"):
        lanes.put("a", noting(log, name))
    await lanes.finish(1)
    assert log == [
        *("first begins", "first ends"),
        *("second begins", "second ends"),
        *("third begins", "third ends"),
    ]


async def test_keys_do_not_wait_for_each_other() -> None:
    lanes, log, go = Lanes(), list[str](), asyncio.Event()

    async def let_go() -> None:
        go.set()

    lanes.put("a", noting(log, "slow", go))
    lanes.put("a", noting(log, "next"))
    lanes.put("b", let_go)
    await lanes.finish(1)
    assert log == ["slow begins", "slow ends", "next begins", "next ends"]


async def test_an_empty_lane_opens_again() -> None:
    lanes, log = Lanes(), list[str]()
    lanes.put("a", noting(log, "first"))
    await lanes.finish(1)
    lanes.put("a", noting(log, "second"))
    await lanes.finish(1)
    assert log == ["first begins", "first ends", "second begins", "second ends"]


async def test_finishing_has_a_limit() -> None:
    lanes, log, cut_off = Lanes(), list[str](), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    lanes.put("a", endless)
    lanes.put("b", noting(log, "quick"))
    await lanes.finish(0.05)
    assert log == ["quick begins", "quick ends"]
    await asyncio.wait_for(cut_off.wait(), 1)


async def test_there_may_be_nothing_to_finish() -> None:
    await Lanes().finish(1)
