"""Requests between services, besides events: request-reply, answered by any running replica."""

from enum import StrEnum

from common.contracts.events import WireModel, WireTime


class ServiceRequest(StrEnum):
    """The kinds of requests; the wire values are append-only and pinned by a test."""

    WATERMARK = "watermark"
    """Up to when is everything that you created in the stream? The reply is a `Watermark`."""
    REPUBLISH = "republish"
    """Publish snapshots of everything. Request and reply are a `RepublishRun`."""


def request_subject(request: ServiceRequest, owner: str) -> str:
    """The subject of a request to a service."""
    return f"ask.{owner}.{request}"


class Watermark(WireModel):
    """The creation of everything that was created until this moment (UTC) is in the stream."""

    moment: WireTime


class RepublishRun(WireModel):
    """One run of republishing all that a service owns.

    A request without a number starts a new run; the reply has its number, with which its state can
    be requested again. `done` means that its last batch is in the stream.
    """

    number: int | None = None
    done: bool = False
