"""Calls that are made at the same time share a batch, and nothing else."""

import asyncio
from collections.abc import Sequence

import pytest

from common.batch_loader import MAX_BATCH, MAX_IN_FLIGHT, BatchLoader
from common.errors import Unavailable


class Squares:
    """Work on many numbers that notes its batches and can be held up."""

    def __init__(self) -> None:
        self.batches: list[Sequence[int]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        """Refuses odd ones, fails over 13, and is away at 0."""
        self.batches.append(numbers)
        await self.go.wait()
        if 13 in numbers:
            raise ValueError("a bad one")
        if 0 in numbers:
            raise Unavailable("nobody there")
        return [ArithmeticError(number) if number % 2 else number**2 for number in numbers]


async def test_calls_of_one_moment_are_one() -> None:
    squares = Squares()
    square = BatchLoader(squares)
    assert await asyncio.gather(*map(square.load, [2, 4, 6])) == [4, 16, 36]
    assert squares.batches == [[2, 4, 6]]


async def test_who_calls_meanwhile_shares_the_next_page() -> None:
    squares = Squares()
    square = BatchLoader(squares)
    squares.go.clear()
    calls = []
    for number in range(2, 2 * (MAX_IN_FLIGHT + 4), 2):
        calls.append(asyncio.create_task(square.load(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # so that a batch begins if it can
    squares.go.set()
    assert await asyncio.gather(*calls) == [
        number**2 for number in range(2, 2 * (MAX_IN_FLIGHT + 4), 2)
    ]
    assert [len(batch) for batch in squares.batches] == [*[1] * MAX_IN_FLIGHT, 3]


async def test_a_page_has_a_limit() -> None:
    squares = Squares()
    square = BatchLoader(squares)
    await asyncio.gather(*map(square.load, [2] * (MAX_BATCH + 1)))
    assert [len(batch) for batch in squares.batches] == [MAX_BATCH, 1]


async def test_each_gets_its_own_refusal() -> None:
    square = BatchLoader(Squares())
    answers = await asyncio.gather(*map(square.load, [2, 3, 4]), return_exceptions=True)
    assert [repr(answer) for answer in answers] == ["4", "ArithmeticError(3)", "16"]


async def test_one_that_fails_spoils_nothing_for_others() -> None:
    squares = Squares()
    square = BatchLoader(squares)
    answers = await asyncio.gather(*map(square.load, [2, 13, 4]), return_exceptions=True)
    assert [repr(answer) for answer in answers] == ["4", "ValueError('a bad one')", "16"]
    assert squares.batches == [[2, 13, 4], [2], [13], [4]]


async def test_an_outage_is_everybodys() -> None:
    squares = Squares()
    square = BatchLoader(squares)
    answers = await asyncio.gather(*map(square.load, [2, 0]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert squares.batches == [[2, 0]]


async def test_who_gives_up_takes_nobody_along() -> None:
    squares = Squares()
    square = BatchLoader(squares)
    squares.go.clear()
    stays, leaves = (asyncio.create_task(square.load(number)) for number in (2, 4))
    await asyncio.sleep(0)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    squares.go.set()
    assert await stays == 4
