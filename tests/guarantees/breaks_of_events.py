"""What keeps events going: through outages, defects, crowds at one ticket, and lost streams."""

from tests.guarantees.safeguards import Break

AGGREGATE_STORE = "common/src/common/aggregate_store.py"
BACKLOG = "common/src/common/messaging/backlog.py"
KEYED_QUEUE = "common/src/common/messaging/keyed_queue.py"
CONSUMER = "common/src/common/messaging/consumer.py"
ANNOUNCE = (
    'self._database.publish_soon(self.collection.name, {"_id": aggregate.id, "outbox": pending})'
)

NO_WAIT_FOR_THE_BUS = Break(
    "requests that do not wait for the bus",
    AGGREGATE_STORE,
    ANNOUNCE,
    f"""{ANNOUNCE}
        for _ in range(200):
            if not (await self.collection.get(aggregate.id) or {{}}).get("outbox"):
                return
            await __import__("asyncio").sleep(0.02)
        raise Unavailable("NATS did not acknowledge")""",
)
AT_ONCE = Break("announcing at once, beside the sweep", AGGREGATE_STORE, ANNOUNCE, "")

SET_ASIDE = Break(
    "a queue of its own for what is refused",
    BACKLOG,
    '        {"$unset": "outboxSince"},\n',
    "",
)
TRIED_AGAIN = Break(
    "trying again what was refused",
    "common/src/common/messaging/outbox.py",
    "            await self._sweep_batch(name, backlog.due_for_retry)\n",
    "",
)
NOT_SENT = Break(
    "not sending what is too large",
    "common/src/common/messaging/publications.py",
    "            await self.limit.check(subject, body, headers)\n",
    "",
)
TURNS = Break(
    "pages that go round",
    BACKLOG,
    "        after = self._cursor\n",
    "        after = None\n",
)
BOUND = Break(
    "the bound of an outbox",
    AGGREGATE_STORE,
    "            self._check_capacity(document, changed)\n",
    "",
)
ONE_CLOCK = Break(
    "hearing the time of the primary",
    "common/src/common/primary_clock.py",
    "            clock.service.observe(sent.replace(tzinfo=UTC), event.connection_id, waited)\n",
    "",
)
NO_TIME_TO_COME = Break(
    "times that are impossible are over",
    BACKLOG,
    '{"$or": [{field: bounds}, {field: ahead}]}',
    "{field: bounds}",
)

DEAD_LETTERS = Break(
    "the dead letter",
    "common/src/common/messaging/dead_letters.py",
    '    await bus.publish(f"{PREFIX}{service}", delivery.body, headers)\n',
    "",
)
KEPT_FOR_EVER = Break(
    "dead letters that never expire",
    "common/src/common/messaging/topology.py",
    "DEAD_LETTERS: 0}",
    "DEAD_LETTERS: 1}",
)
KEYED_ORDERING = Break(
    "keyed ordering", CONSUMER, "    return event.aggregate_id\n", '    return ""\n'
)
QUEUED_FOR_FREE = Break(
    "queueing behind a key without credit",
    KEYED_QUEUE,
    "max(0, self._queued - MAX_QUEUED)",
    "self._queued",
)
ORDERING_KEY_OF_TICKETS = Break(
    "one ordering key for all orders of a ticket",
    "tickets/src/tickets/main.py",
    "        ordering_key=lambda order: order.ticket.id,\n",
    "",
)

SNAPSHOT_OF_A_TICKET = Break(
    "a ticket's snapshot skips the gap rule",
    "orders/src/orders/repository.py",
    "        if event.snapshot:\n",
    "        if False:\n",
)
SNAPSHOT_OF_AN_ORDER = Break(
    "an order's snapshot skips the gap rule",
    "common/src/common/contracts/versions.py",
    "    if snapshot:\n",
    "    if False:\n",
)
STREAM_ANEW = Break(
    "looking whether the stream is still there",
    "common/src/common/topology.py",
    "            scope = Scope.MISSING\n",
    "            await asyncio.sleep(3600)\n",
)

POSITION_IN_THE_STREAM = Break(
    "resuming where a page was cut",
    "tickets/src/tickets/sse.py",
    "StreamPosition.of(last_event_id) if last_event_id is not None else None",
    "None",
)
NOTHING_TWICE = Break(
    "nothing twice after a page was cut",
    "common/src/common/messaging/event_feed.py",
    "item.position.sequence > position.sequence",
    "item.position.sequence >= position.sequence",
)
FOLLOW_AGAIN = Break(
    "following the stream again after an outage",
    "common/src/common/messaging/event_feed.py",
    "            await self._follow()\n",
    "            if not self._round:\n                await self._follow()\n",
)
NO_GAP = Break(
    "going on after the last event that was heard",
    "common/src/common/messaging/event_feed.py",
    "self._inbox.address, self._subjects, start)",
    "self._inbox.address, self._subjects, last + 1)",
)
ANOTHER_STREAM = Break(
    "noticing that a number was given to another message",
    "common/src/common/messaging/event_feed.py",
    "        if position.sequence <= self._end.sequence:",
    "        if False:",
)
BEGIN_ANEW = Break(
    "telling who cannot go on to begin anew",
    "common/src/common/messaging/event_feed.py",
    "return found if position == before or position.is_beyond(self._last) else None",
    "return found",
)

SUBJECTS_OF_ANOTHER_VERSION = Break(
    "a declaration that takes nothing away",
    "common/src/common/messaging/changes.py",
    "    kept = set() if scope is Scope.EXACT else set(there or [])\n",
    "    kept = set[str]()\n",
)
LEFT_TO_OTHERS = Break(
    "leaving to others what has no handler here",
    CONSUMER,
    "        if delivery.subject not in self._handlers and not delivery.is_replay:\n",
    "        if False:\n",
)
REFUSAL_IS_AN_OUTAGE = Break(
    "a refusal about the server's state is an outage",
    "common/src/common/mongo_errors.py",
    "    return code in _STATES\n",
    "    return False\n",
)
REFUSED_AT_THE_START = Break(
    "a refusal at the start is waited for",
    "common/src/common/indexes.py",
    "    except PyMongoError as error:\n        raise Unavailable(describe(error)) from error\n",
    "",
)
NEXT_SERVER = Break(
    "leaving a server that does not answer",
    "common/src/common/messaging/connection.py",
    "            self._over.set()\n",
    "            pass\n",
)
NEW_CLIENT = Break(
    "a new client after the connection was closed",
    "common/src/common/messaging/connection.py",
    "            self.client = NatsClient()\n",
    "            await asyncio.sleep(3600)\n",
)
