"""`python -m common.dead_letters`: look at what could not be handled, replay it or discard it."""

import argparse
import asyncio
import json
import logging
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import TextIOWrapper

from common.contracts.json import MalformedJson, parse_json
from common.errors import Unavailable
from common.messaging import dead_letters
from common.messaging.bus import Bus
from common.messaging.dead_letters import DeadLetter, NoSuchConsumer
from common.settings import BusSettings

CONNECT_SECONDS = 5.0
COLUMNS = ("number", "when", "service", "subject", "entity", "attempts", "reason")
DONE = {"replay": "replayed", "discard": "discarded"}
EVERY = "all"
LEFT_BEHIND = (
    "If one was a version of a ticket or order that lives, its later versions wait for it:"
    " have the owner say everything again (make republish)."
)


class UnknownDeadLetter(Exception):
    """There is no dead letter of that number."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks; exit code 1 with a sentence when that is not possible."""
    asked = _parser().parse_args(arguments)
    settings = BusSettings.load()
    logging.basicConfig(level=logging.CRITICAL)  # the sentence at the end says enough
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        asyncio.run(_do(settings, asked))
    except (Unavailable, UnknownDeadLetter, NoSuchConsumer) as problem:
        sys.exit(f"error: {problem}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m common.dead_letters",
        description="Messages that services gave up. NATS_URL says where the bus is.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    look = commands.add_parser("list", help="one line for each letter")
    show = commands.add_parser("show", help="everything about one letter")
    replay = commands.add_parser("replay", help="have the service that gave up hear it again")
    discard = commands.add_parser("discard", help="forget it")
    show.add_argument("letters", metavar="NUMBER", nargs=1, type=_number)
    for command in (replay, discard):
        command.add_argument("letters", metavar="NUMBER|all", nargs="+", type=_number_or_all)
    for command in (look, replay, discard):
        command.add_argument("--service", help="only letters of this service")
    return parser


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not the number of a letter")
    return int(text)


def _number_or_all(text: str) -> int | str:
    return text if text == EVERY else _number(text)


async def _do(settings: BusSettings, asked: argparse.Namespace) -> None:
    async with _visit(settings) as bus:
        if asked.command == "list":
            _say(_table([letter async for letter in dead_letters.list_all(bus, asked.service)]))
        elif asked.command == "show":
            _say(_in_full(await _letter(bus, asked.letters[0], None)))
        else:
            chosen = await _chosen(bus, asked.letters, asked.service)
            await _carry_out(bus, asked.command, chosen)


@asynccontextmanager
async def _visit(settings: BusSettings) -> AsyncIterator[Bus]:
    bus = Bus(settings.nats_url, service="dead-letters", ca_file=settings.nats_ca_file)
    try:
        await _connect(bus)
        yield bus
    finally:
        await bus.close()


async def _connect(bus: Bus) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await bus.connect()
    except TimeoutError as error:
        said = f": {bus.last_error}" if bus.last_error else ""
        raise Unavailable(f"NATS does not answer at NATS_URL{said}") from error


async def _chosen(bus: Bus, wanted: Sequence[int | str], service: str | None) -> list[DeadLetter]:
    """All that were asked for, or UnknownDeadLetter before anything has happened."""
    if EVERY in wanted:
        return [letter async for letter in dead_letters.list_all(bus, service)]
    numbers = dict.fromkeys(number for number in wanted if isinstance(number, int))
    return [await _letter(bus, number, service) for number in numbers]


async def _letter(bus: Bus, number: int, service: str | None) -> DeadLetter:
    letter = await dead_letters.get(bus, number)
    if letter is None:
        raise UnknownDeadLetter(f"there is no dead letter {number}")
    if service not in {None, letter.service}:
        raise UnknownDeadLetter(f"dead letter {number} is of {letter.service}, not of {service}")
    return letter


async def _carry_out(bus: Bus, command: str, chosen: Sequence[DeadLetter]) -> None:
    act = {"replay": dead_letters.replay, "discard": dead_letters.discard}[command]
    done = 0
    try:
        for letter in chosen:
            await act(bus, letter)
            done += 1
    finally:
        _say(f"{DONE[command]} {done} of {len(chosen)} dead letters")
    if command == "discard" and done:
        _say(LEFT_BEHIND)
    if command == "replay":
        for service in sorted({letter.service for letter in chosen}):
            if await bus.streams.waiting_pulls(service) == 0:
                _say(f"{service} does not run now; it hears them when it does, within a week")


def _table(letters: Sequence[DeadLetter]) -> str:
    if not letters:
        return "no dead letters"
    rows = [COLUMNS, *(_row(letter) for letter in letters)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return "\n".join(line[:width] for line in lines)


def _row(letter: DeadLetter) -> tuple[str, ...]:
    when = letter.header("Time").replace("T", " ")
    entity = letter.headers.get("ce-subject", "")
    facts = (
        letter.service,
        letter.subject,
        entity,
        letter.header("Attempts"),
        letter.header("Reason"),
    )
    return (str(letter.number), *(_printable(fact) or "-" for fact in (when, *facts)))


def _in_full(letter: DeadLetter) -> str:
    facts = zip(COLUMNS, _row(letter), strict=True)
    headers = (f"  {_printable(name)}: {_printable(it)}" for name, it in letter.headers.items())
    return "\n".join(
        [*(f"{name:<9} {fact}" for name, fact in facts), "headers", *headers, "body", _body(letter)]
    )


def _body(letter: DeadLetter) -> str:
    try:
        text = json.dumps(parse_json(letter.body), indent=2, ensure_ascii=False, default=float)
    except (MalformedJson, ValueError, RecursionError):
        text = letter.body.decode(errors="backslashreplace")
    return "\n".join(map(_printable, text.split("\n")))


def _printable(text: str) -> str:
    """Without what could command a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
