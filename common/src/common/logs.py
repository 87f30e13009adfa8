"""Structured log lines that carry the id of the request or event they belong to."""

import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from typing_extensions import override

context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=MappingProxyType({}))
"""What every line says besides its message: `request_id`, `trace_id`, ..."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_DECORATION = frozenset({"color_message"})  # the web server's


def _fields(record: logging.LogRecord) -> dict[str, object]:
    extra = {
        key: value for key, value in vars(record).items() if key not in _STANDARD | _DECORATION
    }
    return {**context.get(), **extra}


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One readable line, for people."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        line = f"{moment} {record.levelname:<7} {record.getMessage()} {fields}".rstrip()
        text = f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
        return text.encode(errors="backslashreplace").decode()  # what no terminal can show


def configure_logs(service: str, style: Literal["json", "text"], level: str) -> None:
    """Send every log line of the process to standard output in one style."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service) if style == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # RequestLogMiddleware says more
    for chatty in ("pymongo", "nats", "httpx", "stripe"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
