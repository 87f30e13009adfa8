"""All that must be true when the system is quiet again, whatever was broken before."""

from collections.abc import Callable, Iterator

from tests.chaos import (
    rules_of_answers,
    rules_of_events,
    rules_of_histories,
    rules_of_money,
    rules_of_sales,
    rules_of_timers,
)
from tests.chaos.observations import Observations
from tests.chaos.violation import Violation

Rule = Callable[[Observations], Iterator[tuple[str, str]]]
"""Yields whom it is about, and what is wrong."""

INVARIANTS: tuple[Rule, ...] = (
    rules_of_sales.a_ticket_is_sold_once,
    rules_of_sales.a_ticket_shows_its_holder,
    rules_of_sales.every_order_ends,
    rules_of_sales.nothing_expires_early,
    rules_of_money.an_order_has_one_intent,
    rules_of_money.money_follows_the_order,
    rules_of_money.every_capture_belongs_to_an_order,
    rules_of_money.no_payment_stays_open,
    rules_of_money.captured_money_is_complete_orders,
    rules_of_events.the_stream_is_complete_and_ordered,
    rules_of_events.everything_was_consumed,
    rules_of_events.replicas_are_consistent,
    rules_of_events.each_version_is_applied_once,
    rules_of_timers.every_timer_ends,
    rules_of_timers.a_lease_is_exclusive,
    rules_of_answers.what_was_confirmed_is_there,
    rules_of_answers.what_was_paid_is_settled,
    rules_of_histories.complete_stays_complete,
    rules_of_histories.a_ticket_is_complete_once,
    rules_of_histories.reads_are_monotonic,
    rules_of_histories.a_version_has_one_content,
    rules_of_histories.shown_versions_were_published,
)


def violations(observed: Observations) -> list[Violation]:
    """Everything that is wrong."""
    return [
        Violation(rule.__name__, entity, what)
        for rule in INVARIANTS
        for entity, what in rule(observed)
    ]
