"""A request is followed by its id, from the caller through the log and back."""

import io
import json
import logging
import re
from collections.abc import Callable

import pytest
from httpx import AsyncClient, Headers

from common.logs import JsonFormatter
from devstack.testing import SignIn

PATH = "/api/tallies"
CRASH = f"{PATH}/failures/crash"
TRACE = "0af7651916cd43dd8448eb211c80319c"

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def lines(client: AsyncClient) -> Lines:  # noqa: ARG001 - it must run
    """What the service prints from now on."""
    printed = io.StringIO()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(
            handler.formatter, JsonFormatter
        ):
            handler.setStream(printed)
    return lambda: [json.loads(line) for line in printed.getvalue().splitlines()]


@pytest.mark.parametrize("sane", ["a", "0f8c-41", "web:2026.05_01", "x" * 128])
async def test_a_sane_request_id_is_kept(client: AsyncClient, lines: Lines, sane: str) -> None:
    answer = await client.get(PATH, headers={"X-Request-Id": sane})
    assert answer.headers["X-Request-Id"] == sane
    assert [line["request_id"] for line in lines()] == [sane]


@pytest.mark.parametrize("strange", [None, "", "a b", "x" * 129, "<script>", "a,b", "a\tb", "\xfc"])
async def test_another_request_id_is_replaced(
    client: AsyncClient, lines: Lines, strange: str | None
) -> None:
    sent = Headers() if strange is None else Headers({"X-Request-Id": strange}, encoding="latin-1")
    answer = await client.get(PATH, headers=sent)
    given = answer.headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", given)
    assert [line["request_id"] for line in lines()] == [given]


async def test_requests_have_different_ids(client: AsyncClient) -> None:
    answers = [await client.get(PATH) for _ in range(3)]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


@pytest.mark.parametrize(
    "path", [PATH, f"{PATH}?limit=0", "/nowhere", CRASH, f"{PATH}/failures/unavailable"]
)
async def test_every_answer_carries_its_id(client: AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"X-Request-Id": "r1"})
    assert answer.headers["X-Request-Id"] == "r1"


async def test_a_refused_body_carries_its_id_too(client: AsyncClient) -> None:
    answer = await client.post(PATH, content=b"x" * 70_000, headers={"X-Request-Id": "r1"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (413, "r1")


async def test_one_line_tells_of_a_request(
    client: AsyncClient, lines: Lines, sign_in: SignIn
) -> None:
    person = sign_in()
    traced = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "X-Request-Id": "r1"}
    await client.post(f"{PATH}/mine?token=s3cret", json={}, headers={**traced, **person.headers})
    [line] = lines()
    assert isinstance(line.pop("duration_ms"), float)
    assert {name: line[name] for name in line.keys() - {"time", "logger"}} == {
        "level": "info",
        "service": "tallies",
        "message": "POST /api/tallies/mine 400",
        "request_id": "r1",
        "trace_id": TRACE,
        "user_id": person.id,
    }


@pytest.mark.parametrize("parent", ["", "nonsense", f"01-{TRACE}-b7ad6b7169203331-01", TRACE])
async def test_another_trace_is_replaced(client: AsyncClient, lines: Lines, parent: str) -> None:
    await client.get(PATH, headers={"traceparent": parent})
    [line] = lines()
    assert re.fullmatch("[0-9a-f]{32}", str(line["trace_id"]))
    assert line["trace_id"] != TRACE


async def test_a_crash_stays_in_the_log(client: AsyncClient, lines: Lines) -> None:
    answer = await client.get(CRASH, headers={"X-Request-Id": "r1"})
    assert "s3cret" not in answer.text
    failure, summary = lines()
    assert (failure["level"], failure["request_id"]) == ("error", "r1")
    assert "RuntimeError: password=s3cret" in str(failure["exception"])
    assert summary["message"] == f"GET {CRASH} 500"


@pytest.mark.parametrize("path", ["/acceptz", "/livez", "/readyz"])
async def test_probes_are_not_logged(client: AsyncClient, lines: Lines, path: str) -> None:
    assert (await client.get(path)).status_code == 200
    assert lines() == []
