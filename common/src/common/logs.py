"""Structured log lines that carry the id of the request or event they belong to."""

import json
import logging
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from typing_extensions import override

context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=MappingProxyType({}))
"""Fields bound to every line: `request_id`, `trace_id`, ..."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NOT_OURS = _STANDARD | {"color_message"}  # the web server's decoration

_SECRETS = re.compile(
    r"(?<![\w-])eyJ[\w-]+\.[\w-]*\.[\w-]*"  # a session
    r"|(?<=_secret_)\w+"  # what a browser confirms a payment with
    r"|\b(?:(?:sk|rk)_(?:test|live)|whsec|pm|tok)_\w+"  # keys and cards of Stripe
    r"|\$argon2\w*\$[\w$=,+/-]+"
    r"|(?<=://)[^\s/@]+(?=@)"  # a password in an address
    r"|(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)+"  # an e-mail
)


_MARKERS = ["eyJ", "_secret_", "_test_", "_live_", "whsec_", "pm_", "tok_", "$argon2", "://", "@"]
"""Every match of the pattern contains one of these. Searching for them is cheap; the pattern costs
more than formatting the rest of a line, and hardly any line needs it."""

_encode = json.JSONEncoder(default=str).encode


REMIND_SECONDS = 60.0


class RateLimitedLog:
    """Logs a warning at once, and the same one again at most every `REMIND_SECONDS`.

    For retry loops, which fail twice a second for as long as a server is down.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._silent_until: dict[tuple[object, ...], float] = {}

    def warning(self, message: str, *, same: Sequence[str] = (), **fields: object) -> None:
        """Log it with these fields, unless the same was logged less than `REMIND_SECONDS` ago.

        Two are the same when all fields are equal, or those that `same` names.
        """
        now, what = time.monotonic(), (message, *map(fields.get, same or fields))
        self._silent_until = {key: end for key, end in self._silent_until.items() if end > now}
        if what not in self._silent_until:
            self._silent_until[what] = now + REMIND_SECONDS
            self._log.warning(message, extra=fields)


def bind(**fields: str) -> None:
    """Bind these fields to every further line of this request or event."""
    context.set({**context.get(), **fields})


def _may_hold_secret(text: str) -> bool:
    return any(map(text.__contains__, _MARKERS))


def redact(text: str) -> str:
    """The text without anything that is shaped like a secret or an e-mail address.

    Defence in depth: our own messages hold ids only, but a library may quote anything in an error.
    """
    return _SECRETS.sub("[hidden]", text) if _may_hold_secret(text) else text


def _redacted(value: object) -> object:
    return value if isinstance(value, bool | int | float) else redact(str(value))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    extra = {key: value for key, value in vars(record).items() if key not in _NOT_OURS}
    return {**context.get(), **extra}


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": f"{_second(int(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        text = _encode(line)
        if not _may_hold_secret(text):  # JSON's escapes hide no marker
            return text
        return _encode({key: _redacted(value) for key, value in line.items()})


class TextFormatter(logging.Formatter):
    """One readable line, for people."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        line = f"{moment} {record.levelname:<7} {record.getMessage()} {fields}".rstrip()
        line = _printable(redact(line))
        if not record.exc_info:
            return line
        failure = redact(self.formatException(record.exc_info))
        return "\n".join([line, *map(_printable, failure.split("\n"))])


def _printable(text: str) -> str:
    """The text on one line, control characters escaped: no input can forge a log line."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def configure_logs(service: str, style: Literal["json", "text"] | None, level: str) -> None:
    """Send every log line of the process to standard output in one style.

    Without a style, a terminal gets text and everything else JSON.
    """
    handler = logging.StreamHandler(sys.stdout)
    style = style or ("text" if sys.stdout.isatty() else "json")
    handler.setFormatter(JsonFormatter(service) if style == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # What no line says need not be found out for each (the manual's chapter "Optimization").
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # RequestLogMiddleware says more
    for chatty in ("pymongo", "nats", "httpx", "stripe"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
