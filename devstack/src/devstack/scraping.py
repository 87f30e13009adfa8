"""What a service says at `/metrics`, as a test can compare it."""

from collections.abc import Mapping
from typing import TypeAlias

from httpx import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from common.metrics import PREFIX
from devstack.testing import eventually

Samples: TypeAlias = Mapping[tuple[str, frozenset[str]], float]
"""Each value by its name, less our prefix, and the values of its labels."""


def samples_in(page: str) -> Samples:
    """All that a page says."""
    return {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def names_in(page: str) -> dict[str, str]:
    """Each of our metrics with its type, whether or not it has a value now."""
    lines = (line.split() for line in page.splitlines())
    types = {line[2]: line[3] for line in lines if line[:2] == ["#", "TYPE"]}
    return {name: type_ for name, type_ in types.items() if name.startswith(PREFIX)}


async def scrape(client: AsyncClient) -> Samples:
    """What a service says now."""
    answer = await client.get("/metrics")
    answer.raise_for_status()
    return samples_in(answer.text)


def grown(before: Samples, after: Samples, name: str) -> dict[frozenset[str], float]:
    """By how much the samples of a name have grown, where they have."""
    growth = {
        labels: value - before.get((of, labels), 0)
        for (of, labels), value in after.items()
        if of == name
    }
    return {labels: by for labels, by in growth.items() if by}


async def becomes(client: AsyncClient, name: str, value: float | None, *labels: str) -> None:
    """Wait until a sample has this value, or is gone."""

    async def so() -> bool:
        return (await scrape(client)).get((name, frozenset(labels))) == value

    await eventually(so, f"{name} {labels} is {value}")
