"""The one home of OpenTelemetry: trace context, which is always propagated, and optional spans.

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

from common.waiting import wait_for_event

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
"""How long a shutdown waits for the last spans to be exported."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Attributes = Mapping[str, str | int]
"""The attributes of a span, named by OpenTelemetry's semantic conventions."""

current_traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""The trace context of the current task; spans started in it are children."""


class SpanKind(Enum):
    """The role of a span in a trace."""

    SERVER = trace.SpanKind.SERVER
    PRODUCER = trace.SpanKind.PRODUCER
    CONSUMER = trace.SpanKind.CONSUMER
    INTERNAL = trace.SpanKind.INTERNAL


class TracerProvider(Protocol):
    """The part of OpenTelemetry's provider that we use."""

    def get_tracer(self, instrumenting_module_name: str) -> Tracer:
        """The tracer that starts spans."""

    def shutdown(self) -> None:
        """Export the remaining spans."""


class _Export:
    """The exporter of this process, if there is one."""

    provider: TracerProvider | None = None
    tracer: Tracer | None = None


class Span:
    """A span that covers the block; recorded only if traces are exported."""

    def __init__(self, traceparent: str, span: trace.Span | None) -> None:
        self.traceparent, self._span = traceparent, span
        self._token: Token[str] | None = None

    @property
    def trace_id(self) -> str:
        """The 32 hexadecimal digits that identify the trace."""
        return self.traceparent[3:35]

    def record(self, attributes: Attributes, *, failed: bool = False, name: str = "") -> None:
        """Set attributes, the error status, and a name that is known only now."""
        if self._span:
            self._span.set_attributes(attributes)
            if name:
                self._span.update_name(name)
            if failed:
                self._span.set_status(StatusCode.ERROR)

    def __enter__(self) -> Self:
        self._token = current_traceparent.set(self.traceparent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._token:
            current_traceparent.reset(self._token)
        if self._span:
            if kind:
                self.record({"error.type": kind.__name__}, failed=True)
            self._span.end()


def start_span(kind: SpanKind, name: str, parent: str) -> Span:
    """A span in the trace of its `parent`, a traceparent; in a new trace if that is empty."""
    if _Export.tracer is None:
        return Span(parent or _new(), None)
    span = _Export.tracer.start_span(name, _parent_context(parent), kind.value)
    own = span.get_span_context()
    return Span(f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}", span)


def _new() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def parse_traceparent(traceparent: str) -> str:
    """The caller's traceparent; empty when it is not valid or of another version."""
    return traceparent if _TRACEPARENT.fullmatch(traceparent) else ""


def _parent_context(parent: str) -> Context:
    if not parent:
        return Context()
    _, trace_id, span_id, flags = parent.split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


def export_traces(service: str) -> None:
    """Export spans from now on, as the standard variables `OTEL_...` say."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
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
    provider = SdkTracerProvider(
        resource=Resource.create({**about, "service.name": service}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    _Export.provider, _Export.tracer = provider, provider.get_tracer("ticketing")


def standard_variables() -> frozenset[str]:
    """The variables `OTEL_...` that OpenTelemetry's SDK reads."""
    from opentelemetry.sdk import environment_variables

    return frozenset(name for name in vars(environment_variables) if name.startswith("OTEL_"))


async def flush_traces() -> None:
    """Export the remaining spans, waiting at most FLUSH_SECONDS."""
    provider, _Export.provider, _Export.tracer = _Export.provider, None, None
    if provider is None:
        return
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def export_the_rest() -> None:
        provider.shutdown()
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=export_the_rest, daemon=True).start()
    await wait_for_event(done, FLUSH_SECONDS)
