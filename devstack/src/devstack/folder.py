"""The data folder of a stack, which one launcher at a time may use."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from devstack.errors import AlreadyRunning


@contextmanager
def data_folder(kept: Path, *, ephemeral: bool) -> Iterator[Path]:
    """The folder `kept`, or a temporary one."""
    if ephemeral:
        with TemporaryDirectory(prefix="ticketing-") as folder:
            yield Path(folder)
    else:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()


@contextmanager
def locked(folder: Path, address: str) -> Iterator[None]:
    """Lock the folder; raises AlreadyRunning when another launcher holds the lock.

    The operating system releases the lock when its holder ends, even by a crash.
    """
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(f"already running ({lock.read()})") from None
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}, {address}")
        lock.flush()
        yield
        lock.truncate(0)


def is_locked(folder: Path) -> bool:
    """Whether a launcher holds the lock."""
    with suppress(FileNotFoundError), (folder / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def reset_logs(logs: Path) -> None:
    """Empty the folder: logs are of one run."""
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
