"""Keeps the messages that could not be handled, with the reason and where they came from."""

from datetime import UTC, datetime

from common.contracts.events import wire_time
from common.messaging.bus import Bus
from common.messaging.delivery import Delivery


async def keep(bus: Bus, service: str, delivery: Delivery, reason: str) -> None:
    """Store the message for a person to look at; raises Unavailable when it is not stored."""
    headers = {
        **delivery.headers,
        "Nats-Msg-Id": f"dead-letter:{service}:{delivery.sequence}",
        "Dead-Letter-Reason": _header_text(reason),
        "Dead-Letter-Service": service,
        "Dead-Letter-Subject": delivery.subject,
        "Dead-Letter-Sequence": str(delivery.sequence),
        "Dead-Letter-Attempts": str(delivery.attempt),
        "Dead-Letter-Time": wire_time(datetime.now(UTC)),
    }
    await bus.publish(f"dead-letters.{service}", delivery.body, headers)


def _header_text(reason: str) -> str:
    """One line of ASCII: a header that cannot be sent would keep the message coming for ever."""
    return " ".join(reason.split())[:1000].encode("ascii", "backslashreplace").decode()
