"""Freezes what lives as long as the service, so that the garbage collector does not scan it.

Modules, models and routes are some hundred thousand objects. Scanning them, about once a second
under load, stopped every request for 40 ms (docs/performance.md).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Within the block, only objects created in it are collected."""
    gc.collect()  # or what is garbage already would be frozen with the rest
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
