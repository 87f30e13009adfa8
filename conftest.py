"""Gives every test the real servers, shares the tests out, and says which were not run."""

import os
from collections import Counter

import pytest

from devstack.service_settings import SETTINGS, inherited

pytest_plugins = ["devstack.quick", "devstack.fixtures", "devstack.service_fixtures"]

ONE_STACK = ("tests/browser/", "tests/system/")
"""Folders whose tests share a stack: on a second worker they would start a second one."""


def pytest_configure() -> None:
    """A developer's own settings change no test."""
    environment = os.environ  # noqa: TID251 - to take them out
    for name in {name for service in SETTINGS for name in inherited(service, environment)}:
        del environment[name]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """File by file, and the folders of one stack as if each were one file."""
    from xdist.scheduler import LoadFileScheduling  # which not every place of the tests has

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((folder for folder in ONE_STACK if file.startswith(folder)), file)

    return Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line says what was left out, and how to have it."""
    skipped = terminalreporter.stats.get("skipped", [])
    counted = Counter(_reason(report.longrepr) for report in skipped)
    left_out = [f"{count} tests, {reason}" for reason, count in counted.items()]
    if terminalreporter.config.option.quick:
        left_out.append("all that start processes: make test")
    if left_out:
        terminalreporter.write_line(f"left out: {'; '.join(left_out)}")


def _reason(longrepr: tuple[str, int, str]) -> str:
    """Without what pytest puts before it."""
    return longrepr[2].removeprefix("Skipped: ")
