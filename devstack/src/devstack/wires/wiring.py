"""The configuration of the proxies."""

from collections.abc import Sequence

from pydantic import BaseModel


class Wire(BaseModel):
    """A proxy from a port to the port of a server."""

    listen: int
    port: int
    target: str
    source: str | None = None
    """The source of connections; None if it is identified by its first message."""


class Wiring(BaseModel):
    """All proxies of a stack, and the control port."""

    control: int
    wires: Sequence[Wire]
