"""Ids of 24 hex characters that sort by creation time."""

import re
import secrets
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from common import clock

ID_PATTERN = r"^[0-9a-f]{24}$"
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""A model's field that holds an id."""

_ID = re.compile(ID_PATTERN)


def new_id() -> str:
    """A fresh id: 56 bits of microseconds since 1970 (UTC), then 40 random bits."""
    return f"{int(clock.seconds() * 1_000_000):014x}{secrets.token_hex(5)}"


def is_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


def created_at(identity: str) -> datetime:
    """When an id was created (UTC); meaningless (but harmless) for one this module did not make."""
    return clock.EPOCH + timedelta(microseconds=int(identity[:14], 16))


def age_of(identity: str) -> float:
    """The age of an id in seconds; meaningless (but harmless) for one this module did not make."""
    return clock.seconds() - int(identity[:14], 16) / 1_000_000
