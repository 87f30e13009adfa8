"""For each promise: what is taken away, and which of its named tests must notice."""

from collections.abc import Mapping, Sequence

from tests.guarantees import breaks_of_copies as copies
from tests.guarantees import breaks_of_doors as doors
from tests.guarantees import breaks_of_events as events
from tests.guarantees import breaks_of_sales as sales
from tests.guarantees.safeguards import Break

ANNOUNCED = ("test_an_order_is_announced_once_after_a_crash",)
BUSY = ("test_a_busy_aggregate_delays_no_other",)
CRASHED_PAYMENT = ("test_a_payment_is_made_once_after_a_crash",)
DEAD = (
    "test_a_failing_message_delays_no_other",
    "test_dead_letter_returns_until_discarded",
)
LAGGARDS = ("test_laggards_keep_nobody_from_being_served",)
PAGE = ("test_sse_survives_killed_replica_without_gap_or_duplicate",)
REFUSED = ("test_a_refused_capture_is_kept_and_tried_again",)
RELEASED = ("test_a_cancelled_order_releases_the_hold",)
STRANGERS = ("test_resources_of_others_are_protected",)
NO_SECRETS = ("test_no_log_has_a_secret_or_an_address",)
TIMER = ("test_a_timer_fires_once_after_a_crash",)

Row = Mapping[Break, Sequence[str]]

TABLE: Mapping[str, Row] = {
    "A ticket is never held or sold twice.": {
        sales.UNIQUE_INDEX: ("test_a_stampede_sells_a_ticket_once",),
    },
    "Nobody is charged without getting the ticket, or charged twice.": {
        sales.IDEMPOTENCY_KEY: (*CRASHED_PAYMENT, "test_a_payment_survives_a_lost_answer"),
        sales.ONE_PAYMENT: ("test_ten_payments_at_once_charge_once",),
        sales.HELD_FIRST: RELEASED,
        sales.NO_CAPTURE: RELEASED,
        sales.RELEASE_OF_MONEY: RELEASED,
    },
    "A confirmed change is stored, and its event is published.": {
        sales.EVENT_IN_THE_WRITE: ANNOUNCED,
        sales.SWEEP: ANNOUNCED,
    },
    "Each version of a ticket or order is applied exactly once and in order.": {
        sales.GATE_OF_AGGREGATE: ("test_thirty_changes_at_once_leave_no_hole",),
        sales.GATE_OF_TICKETS_COPY: ("test_any_arrival_order_of_ticket_events_converges",),
        sales.GATE_OF_ORDERS_COPY: ("test_any_order_of_arrival_ends_the_same",),
        sales.GATE_OF_TICKETS_ORDERS: ("test_any_arrival_order_stores_the_same",),
        sales.KNOWN_ALREADY: ("test_lost_ack_reserves_ticket_once",),
    },
    "Nothing published, acknowledged or shown is rolled back, whichever member of"
    " MongoDB or NATS fails.": {
        sales.COMMITTED_READS: ("test_promises_hold_while_members_are_partitioned",),
    },
    "Two versions of a service side by side lose no event.": {
        events.SUBJECTS_OF_ANOTHER_VERSION: (
            "test_versions_side_by_side_lose_no_event",
            "test_an_older_declaration_takes_nothing_away",
        ),
        events.LEFT_TO_OTHERS: ("test_a_subject_without_handler_is_no_dead_letter",),
    },
    "A server that refuses access (not set up yet, a changed password or permission) is"
    " retried, and its error is shown.": {
        events.REFUSED_AT_THE_START: ("test_a_service_waits_for_its_database_user",),
        events.REFUSAL_IS_AN_OUTAGE: ("test_a_revoked_permission_is_an_outage",),
        events.NEW_CLIENT: ("test_a_changed_nats_password_is_an_outage",),
    },
    "A service leaves an unresponsive NATS server, and reconnects to one that had rejected it.": {
        events.NEXT_SERVER: ("test_a_connected_client_switches_to_another_server",),
        events.NEW_CLIENT: ("test_a_client_over_the_limit_reconnects",),
    },
    "An unpaid order expires, and never early.": {
        sales.EXPIRY: ("test_an_order_that_is_not_paid_expires",),
        sales.NOT_EARLY: ("test_timer_is_not_due_early",),
        sales.WHOLE_WINDOW: TIMER,
        sales.OWN_WINDOW: (*TIMER, "test_an_order_that_is_not_paid_expires"),
        sales.LEASE: TIMER,
        sales.END_OF_LEASE: TIMER,
    },
    "A capture or a release that Stripe rejects is kept, retried and visible.": {
        sales.KEPT_SETBACK: (*REFUSED, "test_a_refused_release_is_kept_and_tried_again"),
        sales.TRIED_AGAIN: (*REFUSED, "test_a_refused_release_is_kept_and_tried_again"),
        sales.VISIBLE: REFUSED,
    },
    "Ordering and cancelling continue while NATS is unavailable.": {
        events.NO_WAIT_FOR_THE_BUS: ("test_requests_succeed_while_nats_hangs",),
    },
    "The backlog of an outage does not delay new changes.": {
        events.AT_ONCE: ("test_new_changes_overtake_the_backlog_of_an_outage",),
    },
    "Events that NATS refuses are kept, retried and visible, and delay no others.": {
        events.SET_ASIDE: ("test_a_refused_event_blocks_no_other",),
        events.TRIED_AGAIN: (
            "test_a_refused_event_is_published_when_permitted",
            "test_too_large_an_event_is_never_sent",
        ),
        events.NOT_SENT: ("test_too_large_an_event_is_never_sent",),
    },
    "Publishing is fair between documents, and an outbox is bounded.": {
        events.TURNS: ("test_a_large_outbox_does_not_block_others",),
        events.BOUND: ("test_the_outbox_of_a_document_is_bounded",),
    },
    "Clock skew of a replica's machine changes nothing.": {
        events.ONE_CLOCK: (
            "test_sales_and_expiries_are_in_time",
            "test_the_clock_is_synchronized_before_the_first_write",
        ),
        events.NO_TIME_TO_COME: ("test_a_time_of_a_wrong_clock_blocks_no_event",),
    },
    "A message that cannot be handled becomes a dead letter, and delays no other.": {
        events.DEAD_LETTERS: DEAD,
        events.KEPT_FOR_EVER: ("test_a_dead_letter_is_kept_until_somebody_decides",),
        events.KEYED_ORDERING: DEAD[:1],
    },
    "One busy ticket does not slow down the others.": {
        events.KEYED_ORDERING: BUSY,
        events.QUEUED_FOR_FREE: BUSY,
        events.ORDERING_KEY_OF_TICKETS: ("test_its_orders_do_not_fight_over_it",),
    },
    "A lost stream is recreated automatically, and its events by `republish`.": {
        events.STREAM_ANEW: ("test_sales_go_on_after_the_stream_was_deleted",),
        events.SNAPSHOT_OF_A_TICKET: (
            "test_lost_stream_is_repaired",
            "test_empty_copies_are_filled",
        ),
        events.SNAPSHOT_OF_AN_ORDER: ("test_a_snapshot_is_followed_without_its_predecessors",),
    },
    "Lost events are detected, reported and republished automatically.": {
        copies.OWN_PLACE: (
            "test_a_loss_is_reported_once_by_all_replicas",
            "test_lost_stream_is_repaired",
        ),
        copies.TOLD_ONCE: ("test_a_loss_is_reported_once_by_all_replicas",),
        copies.SAID_AGAIN: ("test_owners_are_asked_until_they_have_republished",),
    },
    "404 means that a resource does not exist; one that may not be replicated yet is 503.": {
        copies.SILENCE_IS_NO_ANSWER: ("test_while_the_bus_is_silent_nobody_knows",),
        copies.OWNERS_WORD: ("test_unpublished_id_may_exist",),
        copies.ALL_HEARD: ("test_a_backlog_has_not_been_heard",),
    },
    "An overdue order is counted, and expired.": {
        copies.SAY_OVERDUE: ("test_overdue_order_is_republished",),
        copies.SET_WHATEVER_IT_WAS: ("test_scheduling_again_sets_what_is_not_set",),
    },
    "A replica shuts down gracefully within 10 s, without a failed request.": {
        doors.ORDERLY_STOP: ("test_rolling_restart_fails_no_request",),
        doors.LAME_DUCK: ("test_draining_replica_is_unready_and_still_serves",),
        doors.LAST_RESORT: ("test_shutdown_is_bounded_whatever_hangs",),
        doors.SILENT_BUS: ("test_shutdown_budget_is_documented",),
    },
    "An open page misses no event and gets none twice, whichever replica crashes.": {
        events.POSITION_IN_THE_STREAM: PAGE,
        events.NOTHING_TWICE: PAGE,
    },
    "Others cannot read or change what is yours, nor lock you out at your usual address.": {
        doors.OWN_ORDERS: STRANGERS,
        doors.OWN_TICKETS: STRANGERS,
        doors.OWN_PAYMENTS: STRANGERS,
        doors.OWN_LIST: STRANGERS,
        doors.USUAL_PLACE: ("test_owner_signs_in_from_known_address",),
    },
    "Another site cannot act in your name (CSRF).": {
        doors.CSRF: ("test_csrf_requests_are_rejected",),
        doors.SAME_SITE: ("test_scripts_and_other_sites_cannot_use_the_cookie",),
    },
    "Slow and half-open requests do not block others.": {
        doors.HEAD_AT_THE_GATEWAY: LAGGARDS,
        doors.HEAD_AT_THE_SERVICE: LAGGARDS,
        doors.BODY_AT_THE_SERVICE: LAGGARDS,
    },
    "A subscriber of an event stream misses nothing and gets nothing twice, or is sent `reset`.": {
        events.POSITION_IN_THE_STREAM: PAGE,
        events.NO_GAP: ("test_a_lost_message_is_received_again_in_order",),
        events.NOTHING_TWICE: ("test_an_outage_of_the_bus_makes_no_gap",),
        events.FOLLOW_AGAIN: ("test_a_stream_that_somebody_deleted_is_begun_anew",),
        events.ANOTHER_STREAM: ("test_a_restored_stream_is_recognized_as_another",),
        events.BEGIN_ANEW: ("test_position_out_of_memory_gets_reset",),
    },
    "No password, token, cookie or e-mail address is in a log.": {
        doors.QUERIES: NO_SECRETS,
        doors.HEADERS: NO_SECRETS,
        doors.LAST_NET: ("test_a_line_redacts_what_looks_like_a_secret",),
    },
}
