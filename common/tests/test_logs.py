"""Log lines: one each, complete, and about the request or event they belong to."""

import json
import logging
import sys
from collections.abc import Iterator

import jwt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common import logs
from common.logs import JsonFormatter, TextFormatter, configure_logs


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    """Take away what a test configured: its output ends with the test."""
    nothing = logs.context.set({})
    yield
    logs.context.reset(nothing)
    logging.getLogger().handlers.clear()


def record(*, failed: bool = False, **extra: object) -> logging.LogRecord:
    """What the logging module makes of `log.info("%s came", "Ana", extra=extra)`."""
    error = ValueError("two\nlines") if failed else None
    info = (ValueError, error, None) if error else None
    made = logging.makeLogRecord({"name": "a.b", "levelname": "INFO", "exc_info": info, **extra})
    made.msg, made.args = "%s came", ("Ana",)
    return made


def test_a_json_line_says_everything() -> None:
    logs.context.set({"request_id": "r1", "trace_id": "t1"})
    line = JsonFormatter("tallies").format(record(duration_ms=1.5))
    said = json.loads(line)
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "info",
        "service": "tallies",
        "logger": "a.b",
        "message": "Ana came",
        "request_id": "r1",
        "trace_id": "t1",
        "duration_ms": 1.5,
    }


def test_a_failure_stays_on_one_json_line() -> None:
    line = JsonFormatter("tallies").format(record(failed=True, about=object()))
    assert "\n" not in line
    assert json.loads(line)["exception"] == "ValueError: two\nlines"


def test_a_text_line_is_for_people() -> None:
    line = TextFormatter().format(record(failed=True, duration_ms=1.5))
    first, _, rest = line.partition("\n")
    assert first.endswith("INFO    Ana came duration_ms=1.5")
    assert rest == "ValueError: two\nlines"


@pytest.mark.parametrize("formatter", [JsonFormatter("tallies"), TextFormatter()])
def test_a_line_can_always_be_printed(formatter: logging.Formatter) -> None:
    formatter.format(record(title="\ud800")).encode()


@pytest.mark.parametrize(("level", "heard"), [("INFO", ["quiet", "loud"]), ("WARNING", ["loud"])])
def test_the_level_decides_what_is_said(
    capsys: pytest.CaptureFixture[str], level: str, heard: list[str]
) -> None:
    configure_logs("tallies", "json", level)
    logging.getLogger("x").info("quiet")
    logging.getLogger("uvicorn.error").warning("loud")
    logging.getLogger("pymongo").info("chatter")
    said = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert said == heard


SECRETS = {
    "an e-mail": "me+tickets@shop.co.test",
    "an e-mail in another script": "käthe@shöp.test",
    "a session": jwt.encode({"sub": "me"}, "k" * 32),
    "a client secret": "secretOfThisPayment",
    "a card": "pm_1Nx4secret",
    "a card token": "tok_1Nx4secret",
    "a key of Stripe": "sk_test_4eC39Hq",
    "a restricted key": "rk_live_4eC39Hq",
    "a key of webhooks": "whsec_4eC39Hq",
    "a password hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA+/",
    "a password in an address": "hunter2",
}
SAYING = {"a client secret": "pi_3Nx_secret_{}", "a password in an address": "nats://me:{}@host"}


@pytest.mark.parametrize("formatter", [JsonFormatter("tallies"), TextFormatter()])
@pytest.mark.parametrize("what", SECRETS)
def test_a_line_redacts_what_looks_like_a_secret(formatter: logging.Formatter, what: str) -> None:
    said = SAYING.get(what, "{}").format(SECRETS[what])
    error = ValueError(f'E11000 dup key: {{ email: "{said}" }}\n{said}')
    told = record(about=said, exc_info=(ValueError, error, None))
    told.args = (said,)
    line = formatter.format(told)
    assert SECRETS[what] not in line
    assert line.count("[hidden]") == 4


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.from_regex(logs._SECRETS.pattern))
@example("\u00e9@b.c")
def test_whatever_is_hidden_is_looked_for(text: str) -> None:
    assert logs._SECRETS.search(text)
    assert logs.redact(text) == logs._SECRETS.sub("[hidden]", text)


@pytest.mark.parametrize(("is_terminal", "style"), [(True, TextFormatter), (False, JsonFormatter)])
def test_a_terminal_is_read_by_people(
    monkeypatch: pytest.MonkeyPatch, style: type[logging.Formatter], *, is_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    configure_logs("tallies", None, "INFO")
    [handler] = logging.getLogger().handlers
    assert type(handler.formatter) is style


def test_bound_fields_are_in_every_further_line() -> None:
    logs.context.set({"request_id": "r1"})
    logs.bind(order_id="o1")
    said = json.loads(JsonFormatter("tallies").format(record()))
    assert (said["request_id"], said["order_id"]) == ("r1", "o1")


@pytest.mark.parametrize("formatter", [JsonFormatter("tallies"), TextFormatter()])
def test_a_line_keeps_what_is_no_secret(formatter: logging.Formatter) -> None:
    harmless = "GET /api/tickets/065f1 pi_3Nx @ nats://host:4222 token=x a@b eyJ.x"
    assert harmless in formatter.format(record(about=harmless))


@pytest.mark.parametrize(
    "control", ["\n", "\r\n", "\t", "\0", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e"]
)
@pytest.mark.parametrize("formatter", [JsonFormatter("tallies"), TextFormatter()])
def test_nobody_can_make_up_a_line(formatter: logging.Formatter, control: str) -> None:
    told = record(about=f"a{control}b")
    told.args = (f"/api{control}12:00:00.000 ERROR   made up",)
    line = formatter.format(told)
    assert line.isprintable()
    assert control not in line


def test_a_rate_limited_log_repeats_warnings_rarely(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = logs.RateLimitedLog(logging.getLogger("limited"))
    for error in ["refused", "silent"] * 50:
        limited.warning("waiting", error=error)
    assert [each.__dict__["error"] for each in caplog.records] == ["refused", "silent"]
    monkeypatch.setattr(logs, "REMIND_SECONDS", 0)
    later = logs.RateLimitedLog(logging.getLogger("limited"))
    for _ in range(3):
        later.warning("waiting", error="refused")
    assert len(caplog.records) == 5
