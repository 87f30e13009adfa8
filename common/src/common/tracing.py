"""The one home of OpenTelemetry: which trace a piece of work belongs to, and its span if wanted.

A trace is named by what W3C Trace Context calls `traceparent`. It is passed on whether or not spans
are exported, so that log lines of all services share its id; without export that is all there is,
and the SDK is not even imported.
"""

import asyncio
import logging
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from enum import Enum
from types import TracebackType
from typing import Protocol, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, Tracer
from typing_extensions import override

from common.waiting import set_within

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
"""How long a service that stops gives its last spans."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Facts = Mapping[str, str | int]
"""What a span says besides its name."""

here: ContextVar[str] = ContextVar("traceparent", default="")
"""The work that runs: what it causes is a child of it."""


class Kind(Enum):
    """On which side of a conversation the work is."""

    REQUEST = trace.SpanKind.SERVER
    SENDING = trace.SpanKind.PRODUCER
    HANDLING = trace.SpanKind.CONSUMER
    WORK = trace.SpanKind.INTERNAL


class Exporting(Protocol):
    """What makes and exports spans; OpenTelemetry's provider."""

    def get_tracer(self, instrumenting_module_name: str) -> Tracer:
        """What makes them."""

    def shutdown(self) -> None:
        """Export what is left."""


class _Export:
    """Whether spans are exported: of the whole process, as logs are."""

    provider: Exporting | None = None
    tracer: Tracer | None = None


class Work:
    """A piece of work, from the beginning to the end of the block: a span, if anybody wants it."""

    def __init__(self, traceparent: str, span: trace.Span | None) -> None:
        self.traceparent, self._span = traceparent, span
        self._outside: Token[str] | None = None

    @property
    def trace_id(self) -> str:
        """The 32 hexadecimal digits that all parts of a trace share."""
        return self.traceparent[3:35]

    def went(self, facts: Facts, *, failed: bool = False, name: str = "") -> None:
        """How it went, in OpenTelemetry's names, and what to call it if that is known only now."""
        if self._span:
            self._span.set_attributes(facts)
            if name:
                self._span.update_name(name)
            if failed:
                self._span.set_status(StatusCode.ERROR)

    def __enter__(self) -> Self:
        self._outside = here.set(self.traceparent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._outside:
            here.reset(self._outside)
        if self._span:
            if kind:
                self.went({"error.type": kind.__name__}, failed=True)
            self._span.end()


def begin(kind: Kind, name: str, parent: str) -> Work:
    """Work in the trace of its `parent`, a traceparent; in a new one if that is empty."""
    if _Export.tracer is None:
        return Work(parent or _new(), None)
    span = _Export.tracer.start_span(name, _remote(parent), kind.value)
    own = span.get_span_context()
    return Work(f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}", span)


def _new() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def accepted(traceparent: str) -> str:
    """What a caller says its trace is; empty when that is no traceparent of the version we know."""
    return traceparent if _TRACEPARENT.fullmatch(traceparent) else ""


def _remote(parent: str) -> Context:
    if not parent:
        return Context()
    _, trace_id, span_id, flags = parent.split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


def export_traces(service: str) -> None:
    """Export spans from now on, as the standard variables `OTEL_...` say."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

    class Exporter(OTLPSpanExporter):
        @override
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            result = super().export(spans)
            if result is not SpanExportResult.SUCCESS:
                log.warning("spans are lost", extra={"count": len(spans)})
            return result

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it shouts at every retry
    about = {"service.namespace": "ticketing", "service.instance.id": secrets.token_hex(8)}
    provider = TracerProvider(
        resource=Resource.create({**about, "service.name": service}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    _Export.provider, _Export.tracer = provider, provider.get_tracer("ticketing")


def standard_variables() -> frozenset[str]:
    """The variables `OTEL_...` that OpenTelemetry's SDK reads."""
    from opentelemetry.sdk import environment_variables

    return frozenset(name for name in vars(environment_variables) if name.startswith("OTEL_"))


async def finish_export() -> None:
    """Export what is left, but do not wait longer than a service that stops may."""
    provider, _Export.provider, _Export.tracer = _Export.provider, None, None
    if provider is None:
        return
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def export_the_rest() -> None:
        provider.shutdown()
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=export_the_rest, daemon=True).start()
    await set_within(done, FLUSH_SECONDS)
