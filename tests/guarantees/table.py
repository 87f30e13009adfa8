"""For each promise: what is taken away, and which of its named tests must notice."""

from collections.abc import Mapping, Sequence

from tests.guarantees import breaks_of_copies as copies
from tests.guarantees import breaks_of_doors as doors
from tests.guarantees import breaks_of_events as events
from tests.guarantees import breaks_of_sales as sales
from tests.guarantees.safeguards import Break

ANNOUNCED = ("test_an_order_is_announced_once_after_a_crash",)
BUSY = ("test_a_busy_entity_keeps_nobody_waiting",)
CRASHED_PAYMENT = ("test_a_payment_is_made_once_after_a_crash",)
DEAD = (
    "test_what_cannot_be_handled_holds_nobody_up",
    "test_dead_letter_returns_until_discarded",
)
LAGGARDS = ("test_laggards_keep_nobody_from_being_served",)
PAGE = ("test_sse_survives_killed_replica_without_gap_or_duplicate",)
REFUSED = ("test_a_refused_capture_is_kept_and_tried_again",)
RELEASED = ("test_a_cancelled_order_releases_the_hold",)
STRANGERS = ("test_what_is_somebody_elses_stays_so",)
NO_SECRETS = ("test_no_log_has_a_secret_or_an_address",)
TIMER = ("test_a_timer_fires_once_after_a_crash",)

Row = Mapping[Break, Sequence[str]]

TABLE: Mapping[str, Row] = {
    "A ticket is never held or sold twice.": {
        sales.UNIQUE_INDEX: ("test_a_stampede_sells_a_ticket_once",),
    },
    "Nobody is charged without getting the ticket, nor twice.": {
        sales.IDEMPOTENCY_KEY: (*CRASHED_PAYMENT, "test_a_payment_survives_a_lost_answer"),
        sales.ONE_PAYMENT: ("test_ten_payments_at_once_charge_once",),
        sales.HELD_FIRST: RELEASED,
        sales.NO_CAPTURE: RELEASED,
        sales.RELEASE_OF_MONEY: RELEASED,
    },
    "A change that was confirmed is stored, and announced.": {
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
    "Nothing that was announced, acknowledged or shown is taken back,"
    " whichever member of MongoDB or NATS fails.": {
        sales.COMMITTED_READS: ("test_promises_hold_while_members_are_partitioned",),
    },
    "Two versions side by side lose no event.": {
        events.SUBJECTS_OF_ANOTHER_VERSION: (
            "test_versions_side_by_side_lose_no_event",
            "test_an_older_declaration_takes_nothing_away",
        ),
        events.LEFT_TO_OTHERS: ("test_what_only_another_version_hears_is_no_dead_letter",),
    },
    "A server that refuses (not set up yet, a password or a permission that was changed)"
    " is waited for, and quoted.": {
        events.REFUSED_AT_THE_START: ("test_a_service_waits_for_its_user_in_the_database",),
        events.REFUSAL_IS_AN_OUTAGE: ("test_a_permission_that_was_taken_away_is_an_outage",),
        events.NEW_CLIENT: ("test_a_changed_password_of_the_bus_is_an_outage",),
    },
    "A service leaves a NATS server that does not answer it,"
    " and comes back to one that had sent it away.": {
        events.NEXT_SERVER: ("test_who_is_connected_to_it_goes_to_another_one",),
        events.NEW_CLIENT: ("test_who_is_one_too_many_for_a_while_comes_back",),
    },
    "An unpaid order ends, never before its time.": {
        sales.EXPIRY: ("test_an_order_that_is_not_paid_expires",),
        sales.NOT_EARLY: ("test_timer_is_not_due_early",),
        sales.WHOLE_WINDOW: TIMER,
        sales.OWN_WINDOW: (*TIMER, "test_an_order_that_is_not_paid_expires"),
        sales.LEASE: TIMER,
        sales.END_OF_LEASE: TIMER,
    },
    "A capture or a release that Stripe refuses is kept, tried again and visible.": {
        sales.KEPT_SETBACK: (*REFUSED, "test_a_refused_release_is_kept_and_tried_again"),
        sales.TRIED_AGAIN: (*REFUSED, "test_a_refused_release_is_kept_and_tried_again"),
        sales.VISIBLE: REFUSED,
    },
    "People go on ordering and cancelling while NATS is away.": {
        events.NO_WAIT_FOR_THE_BUS: ("test_people_go_on_while_nats_is_silent",),
    },
    "The backlog of an outage does not hold up what is new.": {
        events.AT_ONCE: ("test_new_changes_overtake_the_backlog_of_an_outage",),
    },
    "What NATS refuses is kept, tried again and visible, and holds up nothing else.": {
        events.SET_ASIDE: ("test_what_is_refused_holds_up_nothing_else",),
        events.TRIED_AGAIN: (
            "test_what_was_refused_is_announced_when_it_may_be",
            "test_what_is_too_large_is_not_sent_again_and_again",
        ),
        events.NOT_SENT: ("test_what_is_too_large_is_not_sent_again_and_again",),
    },
    "Who has much to announce lets others have their turn, and is told to wait"
    " before a document is full.": {
        events.TURNS: ("test_who_has_much_to_say_lets_others_have_their_turn",),
        events.BOUND: ("test_no_more_events_wait_than_a_document_can_hold",),
    },
    "A replica on a machine whose clock is wrong does what the others do.": {
        events.ONE_CLOCK: (
            "test_sales_and_expiries_are_in_time",
            "test_the_database_puts_the_clock_right_before_anything_is_stored",
        ),
        events.NO_TIME_TO_COME: ("test_what_a_wrong_clock_has_stored_is_not_left_behind",),
    },
    "A message that cannot be handled is kept for a person and delays nobody.": {
        events.DEAD_LETTERS: DEAD,
        events.KEPT_FOR_EVER: ("test_a_dead_letter_is_kept_until_somebody_decides",),
        events.KEYED_ORDERING: DEAD[:1],
    },
    "One busy ticket does not slow the others.": {
        events.KEYED_ORDERING: BUSY,
        events.QUEUED_FOR_FREE: BUSY,
        events.ORDERING_KEY_OF_TICKETS: ("test_its_orders_do_not_fight_over_it",),
    },
    "A lost stream is made anew by itself, and what was in it by `republish`.": {
        events.STREAM_ANEW: ("test_sales_go_on_after_the_stream_was_deleted",),
        events.SNAPSHOT_OF_A_TICKET: (
            "test_lost_stream_is_repaired",
            "test_empty_copies_are_filled",
        ),
        events.SNAPSHOT_OF_AN_ORDER: ("test_a_snapshot_is_followed_without_its_predecessors",),
    },
    "Events that were dropped before they were heard are noticed, told and said again"
    " by themselves.": {
        copies.OWN_PLACE: (
            "test_what_was_lost_is_told_once_by_all_replicas",
            "test_lost_stream_is_repaired",
        ),
        copies.TOLD_ONCE: ("test_what_was_lost_is_told_once_by_all_replicas",),
        copies.SAID_AGAIN: ("test_owners_are_asked_until_they_have_said_all_again",),
    },
    "404 means that a thing does not exist; what may still be on its way is 503.": {
        copies.SILENCE_IS_NO_ANSWER: ("test_while_the_bus_is_silent_nobody_knows",),
        copies.OWNERS_WORD: ("test_what_its_owner_has_not_announced_may_exist",),
        copies.ALL_HEARD: ("test_a_backlog_has_not_been_heard",),
    },
    "An order that nobody ends is counted, and ended.": {
        copies.SAY_OVERDUE: ("test_what_nobody_ends_is_said_again",),
        copies.SET_WHATEVER_IT_WAS: ("test_scheduling_again_sets_what_is_not_set",),
    },
    "A replica that is told to stop is gone within 10 s and nobody notices.": {
        doors.ORDERLY_STOP: ("test_nobody_notices_a_rolling_restart",),
        doors.LAME_DUCK: ("test_it_says_that_it_stops_and_still_serves",),
        doors.LAST_RESORT: ("test_it_ends_in_time_whatever_hangs",),
        doors.SILENT_BUS: ("test_shutdown_budget_is_documented",),
    },
    "A page that is open misses nothing and is told nothing twice, whichever replica dies.": {
        events.POSITION_IN_THE_STREAM: PAGE,
        events.NOTHING_TWICE: PAGE,
    },
    "Strangers read and change nothing of yours, and cannot lock you out where you usually are.": {
        doors.OWN_ORDERS: STRANGERS,
        doors.OWN_TICKETS: STRANGERS,
        doors.OWN_PAYMENTS: STRANGERS,
        doors.OWN_LIST: STRANGERS,
        doors.USUAL_PLACE: ("test_owner_signs_in_from_known_address",),
    },
    "Another site cannot act in your name.": {
        doors.CSRF: ("test_csrf_requests_are_rejected",),
        doors.SAME_SITE: ("test_scripts_and_other_sites_cannot_use_the_cookie",),
    },
    "Slow and half-open requests keep nobody from being served.": {
        doors.HEAD_AT_THE_GATEWAY: LAGGARDS,
        doors.HEAD_AT_THE_SERVICE: LAGGARDS,
        doors.BODY_AT_THE_SERVICE: LAGGARDS,
    },
    "Who watches an event stream misses nothing and hears nothing twice,"
    " or is told to begin anew.": {
        events.POSITION_IN_THE_STREAM: PAGE,
        events.NO_GAP: ("test_what_got_lost_on_the_way_is_heard_again_and_in_order",),
        events.NOTHING_TWICE: ("test_an_outage_of_the_bus_makes_no_gap",),
        events.FOLLOW_AGAIN: ("test_a_stream_that_somebody_deleted_is_begun_anew",),
        events.ANOTHER_STREAM: ("test_a_stream_that_was_put_back_is_not_taken_for_what_it_was",),
        events.BEGIN_ANEW: ("test_position_out_of_memory_gets_reset",),
    },
    "No password, token, cookie or address of a person is in a log.": {
        doors.QUERIES: NO_SECRETS,
        doors.HEADERS: NO_SECRETS,
        doors.LAST_NET: ("test_a_line_hides_what_is_shaped_like_a_secret",),
    },
}
