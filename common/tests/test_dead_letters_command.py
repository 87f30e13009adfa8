"""A person looks at dead letters, has them replayed and discards them."""

import asyncio
import sys
from dataclasses import dataclass

import pytest
from nats.js import JetStreamContext

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.dead_letters import LEFT_BEHIND
from common.messaging import dead_letters
from common.messaging.streams import DEAD_LETTERS, STREAM
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.ports import free_port
from devstack.testing import BusPeer, eventually

HEARD = Subject.TICKET_UPDATED
OLD_LETTER = {
    "Dead-Letter-Subject": "ticket:updated",
    "Dead-Letter-Reason": "ValueError: no",
}


@dataclass(frozen=True)
class Answer:
    """What the command said, and how it ended."""

    code: int | None
    out: str
    err: str


async def command(*arguments: str, **variables: str) -> Answer:
    """Run `python -m common.dead_letters` as a person would, with these variables."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "common.dead_letters", *arguments),
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Answer(process.returncode, out.decode(), err.decode())


class Service:
    """Cannot handle anything until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False
        self.heard: list[str] = []

    async def hear(self, event: TicketUpdated, _: object) -> None:
        """The handler."""
        if not self.is_mended:
            raise ValueError("no such seat")
        self.heard.append(event.id)


@pytest.fixture
def service() -> Service:
    """One that fails at first."""
    return Service()


async def give_up(nats_url: str, peer: BusPeer, service: Service, *tallies: Tally) -> None:
    """Have the service fail for good at what the peer says of these tallies."""
    async with consuming(nats_url, {HEARD: service.hear}):
        for tally in tallies:
            await peer.publish(tally.to_event())
        await peer.wait_acked_by(SERVICE)


async def numbers(peer: BusPeer, service: str | None = None) -> list[int]:
    """The numbers of the letters that are kept."""
    return [letter.number async for letter in dead_letters.list_all(peer.bus, service)]


@pytest.mark.usefixtures("peer")
async def test_an_empty_list_says_so(nats_url: str) -> None:
    assert await command("list", NATS_URL=nats_url) == Answer(0, "no dead letters\n", "")


async def test_the_list_shows_dead_letters_and_reasons(
    nats_url: str, peer: BusPeer, service: Service
) -> None:
    tallies = [Tally.new(), Tally.new()]
    await give_up(nats_url, peer, service, *tallies)
    head, *lines = (await command("list", NATS_URL=nats_url)).out.splitlines()
    assert head.split() == ["number", "when", "service", "subject", "entity", "attempts", "reason"]
    assert len(lines) == 2
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"{number}  ")
        assert "tallies  ticket:updated" in line
        assert line.endswith("10        ValueError: no such seat")
    assert all(any(tally.id in line for line in lines) for tally in tallies)


async def test_a_letter_is_shown_in_full(nats_url: str, peer: BusPeer, service: Service) -> None:
    tally = Tally.new()
    await give_up(nats_url, peer, service, tally)
    answer = await command("show", "1", NATS_URL=nats_url)
    assert answer.code == 0
    assert "reason    ValueError: no such seat" in answer.out
    assert "  ce-source: /peer" in answer.out
    assert f'  "id": "{tally.id}",' in answer.out
    assert '  "price": 19.99,' in answer.out


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        ('{"name": "Zürich"}'.encode(), '"name": "Zürich"'),
        (rb'{"name": "\ud800 \u009b31m"}', r'"name": "\ud800 \x9b31m"'),
        (b"\x1b[31m\xff", r"\x1b[31m\xff"),
        (b"[" * 9_000, "[[[["),
        (b"[" * 900 + b"]" * 900, "["),
    ],
)
async def test_odd_letters_are_shown_and_command_no_terminal(
    nats_url: str, peer: BusPeer, body: bytes, shown: str
) -> None:
    headers = {**OLD_LETTER, "Dead-Letter-Reason": "Zürich \x1b[31m", "ce-subject": "\x9b1m"}
    await peer.publish_raw("dead-letters.tallies", body, headers)
    answer = await command("show", "1", NATS_URL=nats_url, PYTHONIOENCODING="utf-8")
    assert (answer.code, answer.err) == (0, "")
    assert shown in answer.out
    assert r"Zürich \x1b[31m" in answer.out
    plain = await command("list", NATS_URL=nats_url, PYTHONIOENCODING="ascii")
    assert (plain.code, plain.err) == (0, "")
    assert {"\x1b", "\x9b"}.isdisjoint(answer.out + plain.out)


async def test_a_replay_reaches_only_the_service_that_failed(
    nats_url: str, peer: BusPeer, service: Service
) -> None:
    tally, marker = Tally.new(), Tally.new()
    await give_up(nats_url, peer, service, tally)
    service.is_mended = True
    async with consuming(nats_url, {HEARD: service.hear}):
        answer = await command("replay", "1", NATS_URL=nats_url)
        assert answer == Answer(0, "replayed 1 of 1 dead letters\n", "")
        await peer.publish(marker.to_event())
        await peer.wait_acked_by(SERVICE)
    await peer.wait_acked_by("peer")
    assert service.heard == [tally.id, marker.id]
    assert peer.received == [tally.to_event(), marker.to_event()]
    assert await numbers(peer) == []


async def test_a_replay_that_fails_again_comes_back(
    nats_url: str, peer: BusPeer, service: Service
) -> None:
    await give_up(nats_url, peer, service, Tally.new())
    [before] = [each async for each in dead_letters.list_all(peer.bus)]
    async with consuming(nats_url, {HEARD: service.hear}):
        assert (await command("replay", "all", NATS_URL=nats_url)).code == 0
        await peer.wait_acked_by(SERVICE)
    [back] = [each async for each in dead_letters.list_all(peer.bus)]
    assert back.number > before.number
    assert (back.service, back.subject, back.body) == (SERVICE, HEARD, before.body)
    assert back.headers["ce-id"] == before.headers["ce-id"]
    assert back.header("Attempts") == "10"


async def test_the_unreadable_comes_back(nats_url: str, peer: BusPeer, service: Service) -> None:
    async with consuming(nats_url, {HEARD: service.hear}):
        await peer.publish_raw("dead-letters.tallies", b"\xff", OLD_LETTER)
        await peer.publish_raw("dead-letters.tallies", b"{}", {})
        await peer.publish_raw("dead-letters.tallies", b"{}", {"Dead-Letter-Subject": "no:such"})
        assert (await command("replay", "all", NATS_URL=nats_url)).code == 0
        await peer.wait_acked_by(SERVICE)
    reasons = [each.header("Reason") async for each in dead_letters.list_all(peer.bus)]
    assert len(reasons) == 3
    assert all(reason.startswith("unreadable: ") for reason in reasons)


async def test_a_choice_can_be_of_one_service(nats_url: str, peer: BusPeer) -> None:
    for service in ("orders", "tickets", "orders"):
        await peer.publish_raw(f"dead-letters.{service}", b"{}", OLD_LETTER)
    listed = await command("list", "--service", "tickets", NATS_URL=nats_url)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["number", "2"]
    wrong = await command("discard", "1", "--service", "tickets", NATS_URL=nats_url)
    assert wrong == Answer(1, "", "error: dead letter 1 is of orders, not of tickets\n")
    assert (await command("discard", "1", NATS_URL=nats_url)).code == 0
    assert await numbers(peer) == [2, 3]
    discarded = await command("discard", "all", "--service", "orders", NATS_URL=nats_url)
    assert discarded.out.splitlines() == ["discarded 1 of 1 dead letters", LEFT_BEHIND]
    assert await numbers(peer) == [2]


@pytest.mark.parametrize("word", ["show", "replay", "discard"])
async def test_an_unknown_number_is_refused_before_anything_happens(
    nats_url: str, peer: BusPeer, word: str
) -> None:
    await peer.publish_raw("dead-letters.peer", b"{}", OLD_LETTER)
    wanted = ["7"] if word == "show" else ["1", "7"]
    answer = await command(word, *wanted, NATS_URL=nats_url)
    assert answer == Answer(1, "", "error: there is no dead letter 7\n")
    assert await numbers(peer) == [1]


async def test_a_replay_to_nobody_is_refused(nats_url: str, peer: BusPeer) -> None:
    await peer.publish_raw("dead-letters.nobody", b"{}", OLD_LETTER)
    answer = await command("replay", "1", NATS_URL=nats_url)
    assert answer.code == 1
    assert answer.err == "error: no service nobody has ever listened to replays\n"
    assert await numbers(peer) == [1]


async def test_a_replay_waits_for_a_service_to_run(
    nats_url: str, peer: BusPeer, service: Service
) -> None:
    tally = Tally.new()
    await give_up(nats_url, peer, service, tally)
    service.is_mended = True
    answer = await command("replay", "1", NATS_URL=nats_url)
    assert "tallies does not run now" in answer.out
    async with consuming(nats_url, {HEARD: service.hear}):
        await peer.wait_acked_by(SERVICE)
    assert service.heard == [tally.id]


async def test_a_crash_between_replay_and_discard_repeats_nothing(
    nats_url: str, peer: BusPeer, service: Service
) -> None:
    await give_up(nats_url, peer, service, Tally.new())
    [letter] = [each async for each in dead_letters.list_all(peer.bus)]
    service.is_mended = True
    async with consuming(nats_url, {HEARD: service.hear}):
        for _ in range(2):  # the second time as if the letter were still there
            await dead_letters.replay(peer.bus, letter)
        await peer.wait_acked_by(SERVICE)
    assert len(service.heard) == 1


async def test_thousands_are_replayed(nats_url: str, peer: BusPeer, service: Service) -> None:
    tallies = [Tally.new() for _ in range(2_000)]
    await asyncio.gather(
        *(
            peer.publish_raw(
                "dead-letters.tallies", tally.to_event().to_json().encode(), OLD_LETTER
            )
            for tally in tallies
        )
    )
    service.is_mended = True
    async with consuming(nats_url, {HEARD: service.hear}):
        answer = await command("replay", "all", NATS_URL=nats_url)
        assert answer.out == "replayed 2000 of 2000 dead letters\n"
        await peer.wait_acked_by(SERVICE)
    assert sorted(service.heard) == sorted(tally.id for tally in tallies)
    assert await numbers(peer) == []


@pytest.mark.parametrize("stream", [STREAM, DEAD_LETTERS])
async def test_a_missing_stream_is_named(
    nats_url: str, jetstream: JetStreamContext, stream: str, peer: BusPeer
) -> None:
    await peer.publish_raw("dead-letters.peer", b"{}", OLD_LETTER)
    await peer.bus.close()
    await jetstream.delete_stream(stream)
    answer = await command("replay", "all", NATS_URL=nats_url)
    assert answer.code == 1
    assert f"error: NATS has no stream {stream} (10059)\n" in answer.err


@pytest.mark.usefixtures("processes")
async def test_a_silent_bus_is_an_error() -> None:
    answer = await command("list", NATS_URL=f"nats://:secret@127.0.0.1:{free_port()}")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error: NATS does not answer at NATS_URL: ")
    assert "Connect call failed" in answer.err
    assert "secret" not in answer.err


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("variables", [{}, {"NATS_URL": "http://somewhere:secret"}])
async def test_wrong_settings_are_named(variables: dict[str, str]) -> None:
    answer = await command("list", **variables)
    assert answer.code == 1
    assert "NATS_URL" in answer.err
    assert "secret" not in answer.err


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("wrong", [["show"], ["show", "all"], ["replay", "0"], ["discard", "x"]])
async def test_nonsense_is_explained(wrong: list[str]) -> None:
    answer = await command(*wrong, NATS_URL="nats://localhost:4222")
    assert answer.code == 2
    assert "usage: python -m common.dead_letters" in answer.err


async def test_headers_of_nats_do_not_block_a_dead_letter(
    nats_url: str, peer: BusPeer, service: Service
) -> None:
    async with consuming(nats_url, {HEARD: service.hear}):
        await peer.publish_raw(HEARD, b"{}", {"Nats-Expected-Stream": STREAM})

        async def one_letter() -> bool:
            return len(await numbers(peer, SERVICE)) == 1

        await eventually(one_letter)
