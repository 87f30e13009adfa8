"""The limit of open files, and how many event streams it allows."""

import logging
import resource
import sys
from contextlib import suppress

RESERVED = 500
"""For everything but event streams: requests and the connections that are kept for them, 100
connections to MongoDB and those that watch it, NATS, and what Python has open itself."""

log = logging.getLogger(__name__)


def raise_limit() -> None:
    """Raise the soft limit to the hard one, which everybody may.

    Container engines start programs with a soft limit of 1,024, for those that use `select`.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS says "unlimited" and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log.info("files can be open", extra={"limit": _limit()})


def max_streams(wanted: int) -> int:
    """How many event streams may be open: as many as wanted, if the limit allows."""
    return max(0, min(wanted, _limit() - RESERVED))


def log_stream_limit(wanted: int) -> None:
    """Log how many event streams may be open; a warning if fewer than wanted."""
    may = max_streams(wanted)
    level = logging.WARNING if may < wanted else logging.INFO
    log.log(level, "event streams can be open", extra={"limit": may, "wanted": wanted})


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
