"""Scrapes `/metrics`, and compares samples in tests."""

from collections.abc import Mapping
from typing import TypeAlias

from httpx import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from common.metrics import PREFIX
from devstack.testing import eventually

Samples: TypeAlias = Mapping[tuple[str, frozenset[str]], float]
"""Values by metric name (without our prefix) and label values."""


def samples_in(exposition: str) -> Samples:
    """The samples of an exposition."""
    return {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def names_in(exposition: str) -> dict[str, str]:
    """Each of our metrics with its type, with or without samples."""
    lines = (line.split() for line in exposition.splitlines())
    types = {line[2]: line[3] for line in lines if line[:2] == ["#", "TYPE"]}
    return {name: type_ for name, type_ in types.items() if name.startswith(PREFIX)}


async def scrape(client: AsyncClient) -> Samples:
    """The present samples of a service."""
    answer = await client.get("/metrics")
    answer.raise_for_status()
    return samples_in(answer.text)


def delta(before: Samples, after: Samples, name: str) -> dict[frozenset[str], float]:
    """By how much the samples of a metric have changed, where they have."""
    changes = {
        labels: value - before.get((of, labels), 0)
        for (of, labels), value in after.items()
        if of == name
    }
    return {labels: by for labels, by in changes.items() if by}


async def wait_for_sample(
    client: AsyncClient, name: str, value: float | None, *labels: str
) -> None:
    """Wait until a sample has this value, or is absent."""

    async def so() -> bool:
        return (await scrape(client)).get((name, frozenset(labels))) == value

    await eventually(so, f"{name} {labels} is {value}")
