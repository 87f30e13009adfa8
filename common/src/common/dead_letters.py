"""`python -m common.dead_letters`: list, show, replay or discard dead letters."""

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
ALL = "all"
LEFT_BEHIND = (
    "If one was a version of an existing ticket or order, its later versions wait for it:"
    " republish the owner (make republish)."
)


class UnknownDeadLetter(Exception):
    """There is no dead letter with this number."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute the command; exit code 1 with a message when it fails."""
    args = _parser().parse_args(arguments)
    settings = BusSettings.load()
    logging.basicConfig(level=logging.CRITICAL)  # the final message is enough
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        asyncio.run(_run(settings, args))
    except (Unavailable, UnknownDeadLetter, NoSuchConsumer) as problem:
        sys.exit(f"error: {problem}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m common.dead_letters",
        description="Messages that services could not handle. NATS_URL is the address of the bus.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    look = commands.add_parser("list", help="one line for each dead letter")
    show = commands.add_parser("show", help="all about one dead letter, its body included")
    replay = commands.add_parser(
        "replay", help="redeliver it to the service that failed, and to no other"
    )
    discard = commands.add_parser("discard", help="delete it")
    show.add_argument("letters", metavar="NUMBER", nargs=1, type=_number)
    for command in (replay, discard):
        command.add_argument("letters", metavar="NUMBER|all", nargs="+", type=_number_or_all)
    for command in (look, replay, discard):
        command.add_argument("--service", help="only dead letters of this service")
    return parser


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not the number of a dead letter")
    return int(text)


def _number_or_all(text: str) -> int | str:
    return text if text == ALL else _number(text)


async def _run(settings: BusSettings, args: argparse.Namespace) -> None:
    async with _connected(settings) as bus:
        if args.command == "list":
            _print(_table([letter async for letter in dead_letters.list_all(bus, args.service)]))
        elif args.command == "show":
            _print(_details(await _letter(bus, args.letters[0], None)))
        else:
            chosen = await _chosen(bus, args.letters, args.service)
            await _execute(bus, args.command, chosen)


@asynccontextmanager
async def _connected(settings: BusSettings) -> AsyncIterator[Bus]:
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
    """All that were requested, or UnknownDeadLetter before anything has happened."""
    if ALL in wanted:
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


async def _execute(bus: Bus, command: str, chosen: Sequence[DeadLetter]) -> None:
    act = {"replay": dead_letters.replay, "discard": dead_letters.discard}[command]
    done = 0
    try:
        for letter in chosen:
            await act(bus, letter)
            done += 1
    finally:
        _print(f"{DONE[command]} {done} of {len(chosen)} dead letters")
    if command == "discard" and done:
        _print(LEFT_BEHIND)
    if command == "replay":
        for service in sorted({letter.service for letter in chosen}):
            if await bus.streams.waiting_pulls(service) == 0:
                _print(f"{service} does not run now; it receives them when it does, within a week")


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


def _details(letter: DeadLetter) -> str:
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
    """The text with control characters escaped."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
