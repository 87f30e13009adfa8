"""What NATS refuses steps back, is counted, and holds up nothing else."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest

from common.messaging import publications, refusals
from common.messaging.backlog import Backlog
from common.messaging.bus import Bus
from common.messaging.refusals import size_of
from common.messaging.streams import STREAM
from common.metrics import exposition
from common.mongo import Database, Document
from devstack.bus_topology import declare_now
from devstack.counter_service import SERVICE, Tallies, Tally, publishing
from devstack.quick import Processes
from devstack.scraping import samples_in
from devstack.servers import NatsServer
from devstack.testing import eventually

DENIED, NOBODYS = "ticket:created", "nobody:takes"
CONFIG = """
max_payload: {max_payload}
authorization {{ users: [
    {{ user: root, password: rootpassword }}
    {{ user: tallies, password: right, permissions: {{ publish: {{ deny: [{deny}] }} }} }}
] }}
"""
ENOUGH, TOO_LITTLE = 1_048_576, 256


class Strict:
    """A NATS server whose permissions and limits change while it runs."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "nats.conf"
        self.log = folder / "nats.log"
        self.server = NatsServer(folder / "nats", self.log, config=self._config)
        self._configure(ENOUGH, f'"{DENIED}"')

    def _configure(self, max_payload: int, deny: str) -> None:
        self._config.write_text(CONFIG.format(max_payload=max_payload, deny=deny))

    def reload(self, *, max_payload: int = ENOUGH, deny: str = "") -> None:
        """Have the server go by another configuration."""
        self._configure(max_payload, deny)
        os.kill(self.server.pid, signal.SIGHUP)

    def url(self, user: str, password: str) -> str:
        """Where this user connects."""
        return self.server.url.replace("://", f"://{user}:{password}@")

    async def has_said(self, words: str) -> None:
        """Wait until it is in the server's log."""

        async def there() -> bool:
            return words in self.log.read_text()

        await eventually(there, words)


@pytest.fixture
def strict(processes: Processes, tmp_path: Path) -> Iterator[Strict]:
    """The server, with its streams."""
    strict = Strict(tmp_path)
    with processes.running(strict.server):
        declare_now(strict.url("root", "rootpassword"))
        yield strict


@asynccontextmanager
async def speaking(strict: Strict, database: Database) -> AsyncIterator[Bus]:
    """The service on that server."""
    async with publishing(strict.url(SERVICE, "right"), database) as bus:
        yield bus


async def leave_behind(tallies: Tallies, count: int, subject: str) -> list[Tally]:
    """So many new tallies that nobody has announced, with events of a subject."""
    begun = [Tally.new() for _ in range(count)]
    await asyncio.gather(*map(tallies.add, begun))
    ids = [each.id for each in begun]
    await tallies.collection.update_many(
        {"_id": {"$in": ids}}, {"$set": {"outbox.$[].subject": subject}}
    )
    return begun


async def announced(tallies: Tallies, *begun: Tally) -> None:
    """Wait until their outboxes are empty."""
    ids: Document = {"_id": {"$in": [each.id for each in begun]}}

    async def empty() -> bool:
        return await tallies.collection.find_one(ids | {"outbox.0": {"$exists": True}}) is None

    await eventually(empty, "empty outboxes")


async def refused(tallies: Tallies, count: int) -> None:
    """Wait until so many are known as refused."""

    async def known() -> bool:
        size = await Backlog(tallies.collection).size()
        return (size.waiting, size.refused) == (count, count)

    await eventually(known, f"{count} are refused")


def published(subject: str, outcome: str) -> float:
    """How many publications came to this."""
    labels = frozenset({subject, outcome})
    return samples_in(exposition({}).decode()).get(("events_published_total", labels), 0)


@pytest.mark.parametrize("subject", [DENIED, NOBODYS])
async def test_a_refused_event_blocks_no_other(
    strict: Strict,
    database: Database,
    tallies: Tallies,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    subject: str,
) -> None:
    monkeypatch.setattr("common.messaging.backlog.BATCH_SIZE", 50)
    before = published(subject, "refused")
    await leave_behind(tallies, 101, subject)
    [other] = await leave_behind(tallies, 1, "ticket:updated")
    async with speaking(strict, database):
        await announced(tallies, other)
        await refused(tallies, 101)
    assert published(subject, "refused") >= before + 101
    told = [each for each in caplog.records if each.message == "NATS refuses an event"]
    assert [each.__dict__["subject"] for each in told] == [subject]


async def test_a_refused_event_is_published_when_permitted(
    strict: Strict, database: Database, tallies: Tallies
) -> None:
    [tally] = await leave_behind(tallies, 1, DENIED)
    await tallies.update(tally.id, Tally.count)
    async with speaking(strict, database):
        await refused(tallies, 1)
        strict.reload()
        await announced(tallies, tally)
        await refused(tallies, 0)
    assert await versions_in(strict) == [0, 1]


async def versions_in(strict: Strict) -> list[int]:
    """The versions that the stream has, in its order."""
    client = await nats.connect(strict.url("root", "rootpassword"))
    stream = client.jetstream()
    last = (await stream.stream_info(STREAM)).state.last_seq
    found = [await stream.get_msg(STREAM, number) for number in range(1, last + 1)]
    await client.close()
    return [int((one.headers or {})["Nats-Msg-Id"].rpartition(":")[2]) for one in found]


async def test_backoff_grows_and_concurrent_refusals_count_once(
    tallies: Tallies,
) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    pauses = []
    for _ in range(12):
        for _ in range(2):
            await Backlog(tallies.collection).record({}, {tally.id: 0})
        document = await tallies.collection.find_one({"_id": tally.id})
        assert document
        pauses.append(document["outboxRefusals"])
        past = {"$set": {"outboxRetryAt": document["outboxRetryAt"].replace(year=2000)}}
        await tallies.collection.update({"_id": tally.id}, past)
    assert pauses == list(range(1, 13))


async def test_silence_is_no_refusal(
    nats_url: str,
    nats_server: NatsServer,
    database: Database,
    tallies: Tallies,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publications, "PUBLISH_SECONDS", 0.2)
    before = published("ticket:updated", "unanswered")

    async def tried() -> bool:
        return published("ticket:updated", "unanswered") > before + 1

    async with publishing(nats_url, database):
        os.kill(nats_server.pid, signal.SIGSTOP)
        try:
            tally = Tally.new()
            await tallies.add(tally)
            await eventually(tried)
            size = await Backlog(tallies.collection).size()
            assert (size.waiting, size.refused) == (1, 0)
        finally:
            os.kill(nats_server.pid, signal.SIGCONT)
        await announced(tallies, tally)


async def test_too_large_an_event_is_never_sent(
    strict: Strict,
    database: Database,
    tallies: Tallies,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(refusals, "LOOK_AGAIN_SECONDS", 0.1)
    before, tally = published("ticket:updated", "too_large"), Tally.new()

    async def tried_again() -> bool:
        return published("ticket:updated", "too_large") > before + 3

    async with speaking(strict, database) as bus:
        strict.reload(max_payload=TOO_LITTLE)
        await strict.has_said("Reloaded server configuration")
        await tallies.add(tally)
        await eventually(tried_again)
        assert bus.is_connected
        assert strict.log.read_text().count("maximum payload exceeded") == 1
        strict.reload(max_payload=ENOUGH)
        await announced(tallies, tally)
    [told] = [each for each in caplog.records if "is too large" in each.message]
    assert told.__dict__["max_payload"] == TOO_LITTLE < told.__dict__["size"]
    assert any("too small for some events" in each.message for each in caplog.records)


async def test_the_size_is_what_the_server_counts(strict: Strict) -> None:
    body, headers = b"x" * 100, {"Nats-Msg-Id": "é" * 10, "ce-id": "7"}
    size = size_of(body, headers)
    strict.reload(max_payload=size - 1)
    await strict.has_said("Reloaded server configuration")
    client = await nats.connect(strict.url("root", "rootpassword"), allow_reconnect=False)
    await client.publish("anywhere", body, headers=headers)
    await strict.has_said(f"maximum payload exceeded: {size} vs {size - 1}")
    await client.close()
