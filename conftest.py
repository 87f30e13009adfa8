"""Gives every test the real servers, and says which tests go to one worker when there are many."""

import pytest

pytest_plugins = ["devstack.fixtures", "devstack.service_fixtures"]


def _home(item: pytest.Item) -> tuple[bool, str]:
    """Whether a test needs a whole stack, and where that is started; or else the test's file."""
    fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    stacks = fixtures.get("stack")
    return bool(stacks), stacks[-1].baseid if stacks else item.location[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who shares a stack shares a worker, or each would start one; those take longest: first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_home(item)[1]))
    items.sort(key=lambda item: not _home(item)[0])
