"""Keeps the garbage collector away from what lives as long as the service does.

Modules, models and routes are some hundred thousand objects. To look through all of them, about
once a second under load, stopped every request for 40 ms (docs/performance.md).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_from_collector() -> Iterator[None]:
    """For as long as the block, only objects made within it are looked at."""
    gc.collect()  # or what is garbage already would be kept with the rest
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
