"""Calls that are made at the same time share a page, and nothing else."""

import asyncio
from collections.abc import Sequence

import pytest

from common.errors import Unavailable
from common.together import AT_ONCE, PAGE, Together


class Squares:
    """Work on many numbers that notes its pages and can be held up."""

    def __init__(self) -> None:
        self.pages: list[Sequence[int]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        """Refuses odd ones, fails over 13, and is away at 0."""
        self.pages.append(numbers)
        await self.go.wait()
        if 13 in numbers:
            raise ValueError("a bad one")
        if 0 in numbers:
            raise Unavailable("nobody there")
        return [ArithmeticError(number) if number % 2 else number**2 for number in numbers]


async def test_calls_of_one_moment_are_one() -> None:
    squares = Squares()
    square = Together(squares)
    assert await asyncio.gather(*map(square, [2, 4, 6])) == [4, 16, 36]
    assert squares.pages == [[2, 4, 6]]


async def test_who_calls_meanwhile_shares_the_next_page() -> None:
    squares = Squares()
    square = Together(squares)
    squares.go.clear()
    calls = []
    for number in range(2, 2 * (AT_ONCE + 4), 2):
        calls.append(asyncio.create_task(square(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # so that a page begins if it can
    squares.go.set()
    assert await asyncio.gather(*calls) == [number**2 for number in range(2, 2 * (AT_ONCE + 4), 2)]
    assert [len(page) for page in squares.pages] == [*[1] * AT_ONCE, 3]


async def test_a_page_has_a_limit() -> None:
    squares = Squares()
    square = Together(squares)
    await asyncio.gather(*map(square, [2] * (PAGE + 1)))
    assert [len(page) for page in squares.pages] == [PAGE, 1]


async def test_each_gets_its_own_refusal() -> None:
    square = Together(Squares())
    answers = await asyncio.gather(*map(square, [2, 3, 4]), return_exceptions=True)
    assert [repr(answer) for answer in answers] == ["4", "ArithmeticError(3)", "16"]


async def test_one_that_fails_spoils_nothing_for_others() -> None:
    squares = Squares()
    square = Together(squares)
    answers = await asyncio.gather(*map(square, [2, 13, 4]), return_exceptions=True)
    assert [repr(answer) for answer in answers] == ["4", "ValueError('a bad one')", "16"]
    assert squares.pages == [[2, 13, 4], [2], [13], [4]]


async def test_an_outage_is_everybodys() -> None:
    squares = Squares()
    square = Together(squares)
    answers = await asyncio.gather(*map(square, [2, 0]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert squares.pages == [[2, 0]]


async def test_who_gives_up_takes_nobody_along() -> None:
    squares = Squares()
    square = Together(squares)
    squares.go.clear()
    stays, leaves = (asyncio.create_task(square(number)) for number in (2, 4))
    await asyncio.sleep(0)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    squares.go.set()
    assert await stays == 4
