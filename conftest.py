"""Gives every test the real servers, and says which tests go to one worker when there are many."""

import pytest

pytest_plugins = ["devstack.fixtures", "devstack.service_fixtures"]

ONE_STACK = ("tests/browser/", "tests/system/")
"""Folders whose tests share a stack: on a second worker they would start a second one."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """File by file, and the folders of one stack as if each were one file."""
    from xdist.scheduler import LoadFileScheduling  # which not every place of the tests has

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((folder for folder in ONE_STACK if file.startswith(folder)), file)

    return Scheduling(config, log)
