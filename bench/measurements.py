"""Everything that can be measured, by name; a measurement is one async function."""

from collections.abc import Awaitable, Callable, Sequence

from bench import (
    beside_node,
    committed,
    draining,
    event_streams,
    expiring,
    growth,
    idle,
    outage,
    placing,
    reads,
    republishing,
    sales,
    starts,
    telemetry,
)
from bench.figures import Figure

Measure = Callable[[], Awaitable[Sequence[Figure]]]

MEASUREMENTS: dict[str, Measure] = {
    "reads": reads.measure,
    "orders": placing.measure,
    "committed": committed.measure,
    "sales": sales.measure,
    "starts": starts.measure,
    "streams": event_streams.measure,
    "draining": draining.measure,
    "republish": republishing.measure,
    "outage": outage.measure,
    "expiring": expiring.measure,
    "idle": idle.measure,
    "telemetry": telemetry.measure,
    "growth": growth.measure,
}
"""Each starts what it needs, ends all of it, and takes less than `LIMIT_SECONDS`."""

EXTRA: dict[str, Measure] = {
    "node": beside_node.measure,
}
"""What needs more than the project installs, and is measured when it is asked for by name."""

LIMIT_SECONDS = 300
