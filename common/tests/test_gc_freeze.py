"""While a service runs, the garbage collector looks only at what came after its start."""

import gc
import weakref

import pytest
from httpx import AsyncClient

from common.gc_freeze import gc_frozen


class Part:
    """Something that can be referred to."""

    def __init__(self) -> None:
        self.itself = self


def is_looked_at(part: Part) -> bool:
    """Whether the collector goes through it."""
    return any(each is part for each in gc.get_objects())


def test_only_objects_of_the_block_are_collected() -> None:
    before = Part()
    with gc_frozen():
        within = Part()
        assert (is_looked_at(before), is_looked_at(within)) == (False, True)
    assert is_looked_at(before)


def test_garbage_of_before_is_not_kept() -> None:
    garbage = weakref.ref(Part())
    with gc_frozen():
        assert garbage() is None


def test_frozen_objects_are_collected_after_the_block() -> None:
    before = Part()
    seen = weakref.ref(before)
    with pytest.raises(RuntimeError), gc_frozen():
        raise RuntimeError
    del before
    gc.collect()
    assert seen() is None


async def test_a_running_service_does_so(client: AsyncClient) -> None:
    assert (await client.get("/livez")).status_code == 200
    assert gc.get_freeze_count() > 0
