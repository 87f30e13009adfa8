"""How soon each effect follows its cause, over the outbox and the bus and every service."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count, takewhile
from statistics import median, quantiles
from typing import TypeVar

from httpx import AsyncClient, Limits

from bench.figures import Figure
from devstack.api_client import ApiClient
from devstack.event_source import EventSource, open_event_source
from devstack.running_stack import RunningStack

PAID_MS = 100
ANY = Limits(max_connections=None)
"""Streams that we leave are counted by the client for a while yet."""


async def effects(running: RunningStack, person: ApiClient, turns: int) -> list[Figure]:
    """Of so many orders in a row, one half of them cancelled and one half paid."""
    times = await effect_times(running, person, lambda turn: turn < turns)
    return [figure for name, each in times.items() for figure in _of_latency(name, each)]


async def effect_times(
    running: RunningStack, person: ApiClient, goes_on: Callable[[int], bool]
) -> dict[str, list[float]]:
    """In ms, of turn after turn as long as it goes on."""
    [tickets], [orders] = running.services["tickets"], running.services["orders"]
    headers = {"cookie": f"session={person.client.cookies['session']}"}
    times: dict[str, list[float]] = {
        "order -> held": [],
        "pay -> complete": [],
        "cancel -> free": [],
    }
    async with (
        AsyncClient(base_url=tickets) as door,
        AsyncClient(base_url=orders, headers=headers, limits=ANY) as own,
        open_event_source(door, "/api/tickets/events") as ticket_stream,
    ):
        for turn in takewhile(goes_on, count()):
            ticket = await person.list_ticket()
            order, held = await _timed(person.order(ticket), ticket_stream, ticket, "held")
            times["order -> held"].append(held)
            if turn % 2:
                _, free = await _timed(person.cancel(order), ticket_stream, ticket, "free")
                times["cancel -> free"].append(free)
                continue
            async with open_event_source(own, f"/api/orders/{order}/events") as stream:
                _, paid = await _timed(person.pay(order), stream, order, "complete")
                times["pay -> complete"].append(paid)
    return times


T = TypeVar("T")


async def _timed(
    act: Awaitable[T], source: EventSource, identity: str, status: str
) -> tuple[T, float]:
    """From the press of the button to the first who hears what came of it, in ms."""
    began, known = time.perf_counter(), len(source.events)
    acted = await act
    while not any(
        event.type != "reset" and (event.data["id"], event.data["status"]) == (identity, status)
        for event in source.events[known:]
    ):
        assert time.perf_counter() - began < 10, f"{identity} never became {status}"
        await asyncio.sleep(0.001)
    return acted, (time.perf_counter() - began) * 1000


def _of_latency(name: str, times: list[float]) -> list[Figure]:
    asked = PAID_MS if name == "pay -> complete" else None
    return [
        Figure(name=f"{name}, p50", value=median(times), unit="ms"),
        Figure(name=f"{name}, p99", value=quantiles(times, n=100)[98], unit="ms", target=asked),
    ]
