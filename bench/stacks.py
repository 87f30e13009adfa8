"""The launcher's stack for one measurement: throw-away, and gone at the end whatever happens."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack import headless
from devstack.headless import Stack


@contextmanager
def stack(*arguments: str) -> Iterator[Stack]:
    """A stack of one's own; the arguments are those of `make dev`."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        headless.stack(Path(folder), *arguments) as running,
    ):
        yield running
