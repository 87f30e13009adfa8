"""The one home of Prometheus: counters, histograms, and their exposition."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "ticketing_"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""The label value for whatever a client can make up, to bound the number of series."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated


def counter(name: str, meaning: str, *labels: str) -> Counter:
    """A counter; `name` without the common prefix and without `_total`."""
    return Counter(f"{PREFIX}{name}", meaning, labels)


def histogram(
    name: str, meaning: str, *labels: str, buckets: Sequence[float] = SECONDS
) -> Histogram:
    """A histogram of durations in seconds; `name` without the common prefix."""
    return Histogram(f"{PREFIX}{name}", meaning, labels, buckets=buckets)


_REQUESTS = counter(
    "requests", "Requests answered, by the template of the route", "method", "route", "status"
)
_REQUEST_SECONDS = histogram(
    "request_seconds", "Time until the answer to a request begins", "method", "route"
)
_PUBLISHED = counter("events_published", "Messages given to the bus", "subject", "outcome")
_PROCESSED = counter("events_processed", "Deliveries of events", "subject", "outcome")
_HANDLER_SECONDS = histogram("handler_seconds", "Time that a delivery takes", "subject")

_request = cache(lambda *labels: (_REQUESTS.labels(*labels), _REQUEST_SECONDS.labels(*labels[:2])))
_published = cache(_PUBLISHED.labels)
_processed = cache(
    lambda subject, outcome: (
        _PROCESSED.labels(subject, outcome),
        _HANDLER_SECONDS.labels(subject),
    )
)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count and time a request; `route` is its template, or `OTHER`."""
    count, duration = _request(method if method in METHODS else OTHER, route, str(status))
    count.inc()
    duration.observe(seconds)


def count_published(subject: str, outcome: str) -> None:
    """Count a message that was published; docs/operations.md lists the outcomes."""
    _published(subject, outcome).inc()


def count_processed(subject: str, outcome: str, seconds: float | None = None) -> None:
    """Count a delivery, and time its handler if one ran."""
    count, duration = _processed(subject, outcome)
    count.inc()
    if seconds is not None:
        duration.observe(seconds)


def init_labels(subjects: Iterable[str], outcomes: Sequence[str]) -> None:
    """Initialize the series to 0, so that the first event shows as an increase."""
    for subject in subjects:
        for outcome in outcomes:
            _processed(subject, outcome)


@dataclass(frozen=True)
class Gauge:
    """A gauge; with a `label` it has one value for each of the label's values."""

    name: str
    meaning: str
    label: str | None = None

    @property
    def full_name(self) -> str:
        """The name with the common prefix."""
        return f"{PREFIX}{self.name}"


Value = float | Mapping[str, float]
"""One number, or one for each value of the gauge's label."""


class _Exposition(Collector):
    def __init__(self, gauges: Mapping[Gauge, Value | None]) -> None:
        self._gauges = gauges

    @override
    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        for gauge, value in self._gauges.items():
            labels = [gauge.label] if gauge.label else []
            family = GaugeMetricFamily(gauge.full_name, gauge.meaning, labels=labels)
            values = value if isinstance(value, Mapping) else {} if value is None else {"": value}
            for name, number in values.items():
                family.add_metric([name] if gauge.label else [], number)
            yield family


def exposition(gauges: Mapping[Gauge, Value | None]) -> bytes:
    """All counters, histograms and these gauges in Prometheus' text format; None is unknown."""
    return generate_latest(_Exposition(gauges))
