"""Lists by pages, linked from the newest to the oldest."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.settings import ServiceSettings
from devstack.counter_service import Tallies, Tally
from devstack.testing import pages

PATH = "/api/tallies"


@pytest.fixture
def settings(mongo_uri: str, settings: ServiceSettings) -> ServiceSettings:
    """A service with an empty database."""
    return settings.model_copy(update={"mongo_uri": mongo_uri})


@pytest.fixture
async def newest_first(app: FastAPI, client: AsyncClient) -> list[str]:  # noqa: ARG001 - it must run
    """The ids of seven tallies."""
    tallies: Tallies = app.state.repository
    begun = [Tally.new() for _ in range(7)]
    for tally in begun:
        await tallies.add(tally)
    return [tally.id for tally in reversed(begun)]


@pytest.mark.parametrize(
    ("limit", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (100, [7])]
)
async def test_links_lead_from_page_to_page(
    client: AsyncClient, newest_first: list[str], limit: int, sizes: list[int]
) -> None:
    shown = await pages(client, f"{PATH}?limit={limit}", headers={})
    assert [len(page) for page in shown] == sizes
    assert [identity for page in shown for identity in page] == newest_first


async def test_one_page_is_enough_for_a_few(client: AsyncClient, newest_first: list[str]) -> None:
    answer = await client.get(PATH)
    assert [tally["id"] for tally in answer.json()] == newest_first
    assert "Link" not in answer.headers


async def test_a_link_keeps_the_rest_of_the_query(
    client: AsyncClient, newest_first: list[str]
) -> None:
    answer = await client.get(f"{PATH}?colour=red%20%3E&limit=2")
    target = f"{PATH}?colour=red+%3E&limit=2&cursor={newest_first[1]}"
    assert answer.headers["Link"] == f'<{target}>; rel="next"'


async def test_an_empty_list_has_one_page(client: AsyncClient) -> None:
    assert await pages(client, PATH, headers={}) == [[]]
