"""Readiness probes of servers."""

from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from devstack.ports import LOOPBACK

TIMEOUT_SECONDS = 1.0


def answers_ok(port: int, path: str) -> Callable[[], bool]:
    """A probe that requests `path` of a local server: ready when the status is 200."""

    def probe() -> bool:
        with closing(HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status == HTTPStatus.OK
            except (OSError, HTTPException):
                return False

    return probe
