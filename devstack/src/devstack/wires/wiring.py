"""Which wires there are, and where."""

from collections.abc import Sequence

from pydantic import BaseModel


class Wire(BaseModel):
    """From a port to the port of the server behind it."""

    listen: int
    port: int
    target: str
    source: str | None = None
    """Who connects here; None where anybody may, who then speaks first."""


class Wiring(BaseModel):
    """Every wire of a stack, and the port on which links are broken."""

    control: int
    wires: Sequence[Wire]
