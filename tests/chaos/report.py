"""What a run tells: its figures, and the smallest history of each offender."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import quantiles

from tests.chaos.latencies import response_times, sale_latencies
from tests.chaos.reads import reads
from tests.chaos.rules_of_sales import expiries
from tests.chaos.run import Outcome

OFFENDERS = 3
LINES = 60


def report(outcome: Outcome) -> str:
    """All of it, for people."""
    return "\n".join([*figures(outcome), "", *_verdict(outcome)])


def figures(outcome: Outcome) -> Iterator[str]:
    """What was broken, and what went on all the same."""
    observed = outcome.observations
    statuses = Counter(order["status"] for order in observed.orders.values())
    reasons = Counter(o["cancelReason"] for o in observed.orders.values() if o["cancelReason"])
    unknown = sum(answer.is_unknown for answer in observed.answers)
    yield f"seed {outcome.seed}, {outcome.seconds:g} s of faults: {_counted(outcome.faults)}"
    shown = Counter(seen.kind for seen in reads(observed.answers))
    yield f"requests {len(observed.answers)}, of them with unknown result {unknown}"
    yield f"users read: {_counted(shown)}"
    yield f"tickets {len(observed.tickets)}, orders {_counted(statuses)} ({_counted(reasons)})"
    yield f"messages {len(observed.messages)}, writes {len(observed.writes)}"
    yield f"expiries late by {_spread([late for _, late in expiries(observed)])}"
    yield f"response times: {_spread([*response_times(observed.answers)])}"
    yield f"from paid to complete: {_spread([*sale_latencies(observed.answers)])}"


def _counted(what: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(what.items())) or "nothing"


def _spread(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return f"{list(seconds)} s"
    cuts = quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s, max {max(seconds):.3f} s"


def _verdict(outcome: Outcome) -> Iterator[str]:
    if not outcome.violations:
        yield "All guarantees hold."
        return
    yield f"{len(outcome.violations)} VIOLATIONS"
    yield from (str(violation) for violation in outcome.violations[:LINES])
    offenders = dict.fromkeys(violation.entity for violation in outcome.violations)
    histories = {entity: list(_history(outcome, entity)) for entity in offenders}
    for entity in sorted(histories, key=lambda entity: len(histories[entity]))[:OFFENDERS]:
        yield from ("", f"The history of {entity}:", *histories[entity])


def _history(outcome: Outcome, entity: str) -> Iterator[str]:
    """Everything about one ticket or order: what people did, what was stored, what was told."""
    observed = outcome.observations
    yield from (
        f"  {a.asked:%H:%M:%S.%f} {a.who} {a.method} {a.path} {a.sent} -> {a.status} {a.body}"
        for a in observed.answers
        if a.mentions(entity) and a.method != "GET"
    )
    yield from _seen(outcome, entity)
    yield from (f"  stored in {w.place}: {w.fields}" for w in observed.writes if w.entity == entity)
    yield from (
        f"  told {m.time} #{m.sequence} {m.subject} {m.body}"
        for m in observed.messages
        if m.entity == entity
    )
    yield from (f"  Stripe: {i}" for i in observed.books if i["orderId"] == entity)


def _seen(outcome: Outcome, entity: str) -> Iterator[str]:
    """What each person was shown of it, whenever that was something else than before."""
    before: dict[str, tuple[str, int | None]] = {}
    for seen in reads(outcome.observations.answers):
        shown = seen.status, seen.version
        if seen.entity == entity and before.get(f"{seen.who} {seen.kind}") != shown:
            before[f"{seen.who} {seen.kind}"] = shown
            took = f"{seen.asked:%H:%M:%S.%f} to {seen.answered:%H:%M:%S.%f}"
            yield f"  {took} {seen.who} saw a {seen.kind} {seen.status} at version {seen.version}"
