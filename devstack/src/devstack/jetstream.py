"""Empties the JetStream of a NATS server, by the plain protocol so that it needs no event loop."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair

from devstack.ports import LOOPBACK

INBOX = "_INBOX.devstack"
PATIENCE_SECONDS = 10.0


def delete_all_streams(port: int) -> None:
    """Forget every stream with its messages and consumers."""
    with _connection(port) as wire:
        for name in _stream_names(wire):
            _ask(wire, f"$JS.API.STREAM.DELETE.{name}")


@contextmanager
def _connection(port: int) -> Iterator[BufferedRWPair]:
    with (
        socket.create_connection((LOOPBACK, port), PATIENCE_SECONDS) as connection,
        connection.makefile("rwb") as wire,
    ):
        wire.write(b'CONNECT {"verbose":false}\r\n')
        wire.write(f"SUB {INBOX} 1\r\n".encode())
        yield wire


def _stream_names(wire: BufferedRWPair) -> list[str]:
    return [str(name) for name in _ask(wire, "$JS.API.STREAM.NAMES").get("streams") or []]


def _ask(wire: BufferedRWPair, subject: str) -> dict[str, list[object]]:
    wire.write(f"PUB {subject} {INBOX} 0\r\n\r\n".encode())
    wire.flush()
    for line in wire:
        if line.startswith(b"MSG "):
            answer: dict[str, list[object]] = json.loads(wire.read(int(line.split()[-1])))
            return answer
    raise ConnectionError("NATS closed the connection")
