"""Whether everything that was lost with the stream has been detected and republished."""

from collections.abc import AsyncIterator

from tests.chaos.observations import CONSUMERS, Databases

from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.checkpoint import describe_loss, from_document


async def unrecovered(bus: Bus, databases: Databases) -> AsyncIterator[tuple[str, str]]:
    """The services that miss something, and what that is."""
    for service in CONSUMERS:
        known = databases.checkpoint(service)
        if known is None:
            yield service, "has not looked yet whether it misses something"
            continue
        try:
            progress = await bus.streams.progress(service)
        except Unavailable as error:
            yield service, str(error)
            continue
        if lost := describe_loss(from_document(known), progress, service):
            yield service, f"has not noticed: {lost}"
        elif "missing" in known:
            yield service, f"has not been told again: {known['missing']['lost']}"
