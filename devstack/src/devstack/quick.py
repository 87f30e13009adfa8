"""A pytest plugin: a test says that it needs processes, so that `--quick` can leave it out.

Whatever starts a process that outlives the call asks for the fixture `processes`, test or fixture.
Whoever does not ask is refused the process, in every run: so `--quick` never starts a server.
"""

import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

import pytest

from devstack.process import Process

P = TypeVar("P", bound=Process)

FIXTURE = "processes"
ASK = f"a test that starts a process, or its fixture, asks for the fixture `{FIXTURE}`"


class ProcessRefused(Exception):
    """A test that would be run by `--quick` was about to start a process."""


class _Guard:
    """Refuses processes while a test runs that has not asked for any."""

    def __init__(self) -> None:
        self.refuses = False

    def watch(self, event: str, _arguments: object) -> None:
        """What Python calls before it starts a process, among other things."""
        if event == "subprocess.Popen" and self.refuses and not _is_waited_for(sys._getframe()):
            raise ProcessRefused(ASK)


def _is_waited_for(frame: FrameType | None) -> bool:
    """Whether the process is a tool that `subprocess.run` starts and waits for."""
    while frame and frame.f_code is not subprocess.run.__code__:
        frame = frame.f_back
    return frame is not None


_guard = _Guard()


class Processes:
    """The permission to start processes."""

    @contextmanager
    def running(self, process: P) -> Iterator[P]:
        """Start the process, and kill it at the end of the block."""
        try:
            process.start()
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def processes() -> Processes:
    """Required by every test and fixture that starts a process."""
    return Processes()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--quick`."""
    group = parser.getgroup("ticketing")
    group.addoption("--quick", action="store_true", help="only what needs no server: make quick")


def pytest_configure() -> None:
    """The hook stays for as long as the interpreter: Python cannot take one away."""
    sys.addaudithook(_guard.watch)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that require processes, themselves or by their fixtures."""
    if config.option.quick:
        config.hook.pytest_deselected(items=[item for item in items if _asks(item)])
        items[:] = [item for item in items if not _asks(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Refuse processes to tests without the fixture, setup and teardown included."""
    _guard.refuses = not _asks(item)
    try:
        return (yield)
    finally:
        _guard.refuses = False


def _asks(item: pytest.Item) -> bool:
    return FIXTURE in getattr(item, "fixturenames", ())
