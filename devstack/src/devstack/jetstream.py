"""Reads the state of JetStream by the plain NATS protocol, without an event loop."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair

from pydantic import BaseModel

from common.messaging.streams import STREAM
from devstack.ports import LOOPBACK

INBOX = "_INBOX.devstack"
TIMEOUT_SECONDS = 10.0


class ConsumerState(BaseModel):
    """The state of a consumer: its lag, and what is in flight."""

    num_pending: int
    num_ack_pending: int
    num_redelivered: int

    @property
    def is_empty(self) -> bool:
        """Whether everything is acknowledged."""
        return self.num_pending == self.num_ack_pending == 0


class StreamState(BaseModel):
    """The state of a stream."""

    last_seq: int


def consumer_state(port: int, service: str) -> ConsumerState | None:
    """The state of a service's consumer; None if there is none."""
    with _connection(port) as wire:
        answer = _ask(wire, f"$JS.API.CONSUMER.INFO.{STREAM}.{service}")
    return None if "error" in answer else ConsumerState.model_validate(answer)


def last_sequence(port: int) -> int:
    """The last sequence of the stream."""
    with _connection(port) as wire:
        state = _ask(wire, f"$JS.API.STREAM.INFO.{STREAM}")["state"]
    return StreamState.model_validate(state).last_seq


def delete_all_streams(port: int) -> None:
    """Delete all streams, with messages and consumers."""
    with _connection(port) as wire:
        for name in _stream_names(wire):
            _ask(wire, f"$JS.API.STREAM.DELETE.{name}")


@contextmanager
def _connection(port: int) -> Iterator[BufferedRWPair]:
    with (
        socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS) as connection,
        connection.makefile("rwb") as wire,
    ):
        wire.write(b'CONNECT {"verbose":false}\r\n')
        wire.write(f"SUB {INBOX} 1\r\n".encode())
        yield wire


def _stream_names(wire: BufferedRWPair) -> list[str]:
    names = _ask(wire, "$JS.API.STREAM.NAMES").get("streams")
    return names if isinstance(names, list) else []


def _ask(wire: BufferedRWPair, subject: str) -> dict[str, object]:
    wire.write(f"PUB {subject} {INBOX} 0\r\n\r\n".encode())
    wire.flush()
    for line in wire:
        if line.startswith(b"MSG "):
            answer: dict[str, object] = json.loads(wire.read(int(line.split()[-1])))
            return answer
    raise ConnectionError("NATS closed the connection")
