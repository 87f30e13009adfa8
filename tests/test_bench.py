"""The bench itself: what it counts, how it judges, and that its floor does what services do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import report
from bench.committed import LOCAL_READS, NotWhatItIs, check, figures_of
from bench.figures import Figure, Run
from bench.floor import floor
from bench.load import Load, Plan, Request, load
from bench.plots import draw
from bench.rounds import Side, alternate, compared
from pymongo import MongoClient
from tests.guarantees.safeguards import without

from common.contracts.ids import new_id
from common.mongo import Document
from devstack.process import Process

TICKETS = 60
NOTHING = Request(path="/nothing")


@pytest.fixture
def tickets(mongo_uri: str) -> list[str]:
    """The ids of some tickets in the database."""
    ids = [new_id() for _ in range(TICKETS)]
    ticket = {"title": "Concert", "priceCents": 1999, "userId": "0" * 24, "version": 0}
    with MongoClient[Document](mongo_uri) as mongo:
        free = [{"_id": each, "orderId": None, **ticket} for each in ids]
        mongo.get_default_database()["tickets"].insert_many(free)
    return ids


@pytest.fixture
def bare(mongo_uri: str, tmp_path: Path, tickets: list[str]) -> Iterator[Process]:  # noqa: ARG001
    """The floor on that database."""
    with floor(mongo_uri, tmp_path) as process:
        yield process


async def ask(
    bare: Process, *requests: Request, count: int, connections: int = 4
) -> dict[int, int]:
    """How often each status came."""
    plan = Plan(url=bare.name, requests=requests, count=count, connections=connections)
    met = await load(plan)
    assert len(met.times_ms) == count
    assert 0 < met.cpu_seconds <= met.seconds
    assert met.percentile_ms(50) <= met.percentile_ms(99)
    return met.statuses


async def test_every_request_is_sent_and_counted_once(bare: Process, tickets: list[str]) -> None:
    wanted = [Request(path=f"/tickets/{each}") for each in tickets[:3]]
    unknown, missing = Request(path="/tickets"), Request(path="/nowhere")
    statuses = await ask(bare, *wanted, unknown, missing, count=50)
    assert statuses == {200: 40, 404: 10}


async def test_orders_of_the_floor_are_stored(
    bare: Process, tickets: list[str], mongo_uri: str
) -> None:
    wanted = [
        Request(method="POST", path="/orders", body=json.dumps({"ticketId": each}))
        for each in tickets
    ]
    assert await ask(bare, *wanted, count=TICKETS) == {201: TICKETS}
    with MongoClient[Document](mongo_uri) as mongo:
        stored = mongo.get_default_database()["floor_orders"].distinct("ticket.id")
    assert sorted(stored) == sorted(tickets)


async def test_a_wrong_status_is_no_figure(bare: Process) -> None:
    side = Side(bare.name, bare.pid, [Request(path="/nowhere")])
    with pytest.raises(AssertionError, match="404"):
        await alternate([side], rounds=1, count=10, connections=2)


async def test_sides_alternate_and_compare_medians(bare: Process) -> None:
    ours, same = (Side(bare.name, bare.pid, [NOTHING]) for _ in range(2))
    await alternate([ours, same], rounds=3, count=200, connections=4)
    assert [len(ours.loads), len(same.loads)] == [3, 3]
    [cpu, rate, *_] = compared("nothing", ours, same, share=0.0, cpu="CPU")
    assert (cpu.value, cpu.floor) == (ours.cpu_ms, same.cpu_ms)
    assert rate.value == sorted(each.per_second for each in ours.loads)[1]


def test_local_reads_variant_differs_in_one_line() -> None:
    assert "readConcern" not in without(LOCAL_READS)


def test_a_side_that_reads_otherwise_is_no_figure() -> None:
    before, after = {"majority": 10, "none": 10}, {"majority": 500, "none": 12}
    check(before, after, "majority")
    with pytest.raises(NotWhatItIs, match=r"been none, and were .*490"):
        check(before, after, "none")


def side_of(cpu: list[float], counts: list[int]) -> Side:
    """A server that answered so many requests in each round, of a second each."""
    loads = [
        Load(seconds=1, cpu_seconds=0, statuses={200: count}, times_ms=[1.0] * count)
        for count in counts
    ]
    return Side("http://nowhere", 0, [NOTHING], loads, cpu)


def test_ratio_has_spread_over_rounds() -> None:
    ours = side_of([0.75, 1.0, 1.25], [90, 100, 120])
    same = side_of([1.0, 1.0, 1.0], [100, 100, 100])
    cpu, rate = figures_of("GET /", ours, same)
    assert (cpu.share, cpu.note) == (1.0, "80% to 133% in 3 rounds")
    assert (rate.share, rate.note) == (1.0, "90% to 120% in 3 rounds")
    assert cpu.is_met
    assert not figures_of("GET /", side_of([1.0], [96]), side_of([1.0], [100]))[1].is_met


@pytest.mark.parametrize(
    ("unit", "value", "floor", "share", "is_met"),
    [
        ("req/s", 80.0, 100.0, 0.80, True),
        ("req/s", 79.0, 100.0, 0.80, False),
        ("ms", 10.0, 8.0, 0.80, True),
        ("ms", 10.2, 8.0, 0.80, False),
    ],
)
def test_rates_want_to_be_high_and_times_low(
    unit: str, value: float, floor: float, share: float, *, is_met: bool
) -> None:
    figure = Figure(name="x", unit=unit, value=value, floor=floor, target_share=share)
    assert figure.is_met is is_met


def test_a_target_bounds_the_value() -> None:
    met = Figure(name="x", unit="ms", value=99, target=100)
    missed = Figure(name="x", unit="events/s", value=99, target=100)
    assert (met.is_met, missed.is_met) == (True, False)


def run_of(*figures: Figure) -> Run:
    """A run that measured one thing."""
    return Run(figures={"reads": list(figures)})


def test_table_shows_unmet_targets_and_changes() -> None:
    now = run_of(Figure(name="rate", unit="req/s", value=1500, floor=2000, target_share=0.8))
    then = run_of(Figure(name="rate", unit="req/s", value=1000, floor=2000))
    [row] = [line for line in report.table(now, then).splitlines() if line.startswith("rate")]
    assert " ".join(row.split()) == "rate 1,500 req/s 2,000 75% ≥ 80% of floor NOT MET 1.50 x"


def test_growth_measurements_form_one_row() -> None:
    grown = [
        Figure(name="p50", unit="ms", value=value, size=size, target=target)
        for value, size, target in ((1.5, 1_000, None), (9, 1_000_000, 3.5))
    ]
    assert (
        "| p50 | 1.5 → 9 ms |  |  | ≤ 3.5 | NOT MET with 1,000 → 1,000,000 stored |"
        in report.markdown(run_of(*grown)).splitlines()
    )


def test_a_run_survives_its_file() -> None:
    run = run_of(Figure(name="p50", unit="ms", value=1.5, size=1_000))
    assert Run.model_validate_json(run.model_dump_json(exclude_defaults=True)) == run


def test_pictures_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    floors = Figure(name="rate", unit="req/s", value=90, floor=100)
    grown = Figure(name="p50", unit="ms", value=1.5, size=1_000)
    for figures, names in (([], []), ([floors], ["floors.png"]), ([grown], ["growth.png"])):
        files = list(draw(run_of(*figures), tmp_path))
        assert [file.name for file in files] == names
        assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
