"""`python -m tests.chaos.breaks` takes one safeguard away at a time: chaos must notice each."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2, 3)
"""A break that a run does not notice gets another run: which process dies when is chance."""


@dataclass(frozen=True)
class Break:
    """A safeguard, where it is, and the code without it."""

    name: str
    file: str
    text: str
    instead: str


BREAKS = (
    Break(
        "the outbox sweep",
        "common/src/common/messaging/outbox.py",
        "            self._sweep_now.clear()\n",
        "            await asyncio.sleep(3600)\n",
    ),
    Break(
        "the version gate of an aggregate",
        "common/src/common/aggregates.py",
        '{"_id": aggregate.id, "version": aggregate.version - 1}',
        '{"_id": aggregate.id}',
    ),
    Break(
        "the version gate of a ticket's copy",
        "orders/src/orders/repository.py",
        '{"_id": event.id, "version": event.version - 1}',
        '{"_id": event.id}',
    ),
    Break(
        "the version gate of an order's copy",
        "payments/src/payments/domain.py",
        "        if fits is Fit.KNOWN:\n            return self\n"
        "        if fits is Fit.EARLY:\n"
        '            raise VersionGap(f"order {event.id} is at version {self.order.version}")\n',
        "",
    ),
    Break(
        "the version gate of a ticket's orders",
        "tickets/src/tickets/domain.py",
        "(_is_known(order, known) or not claim.says_other_than(known))",
        "not claim.says_other_than(known)",
    ),
    Break(
        "the unique index",
        "orders/src/orders/repository.py",
        "unique=True",
        "unique=False",
    ),
    Break(
        "the idempotency key",
        "payments/src/payments/payment.py",
        'return f"{self.id}:{step}:{self.attempt}"',
        'return f"{new_id()}:{step}:{self.attempt}"',
    ),
    Break(
        "the release of the ticket on cancellation",
        "tickets/src/tickets/handlers.py",
        "    Subject.ORDER_CANCELLED: on_order_changed,\n",
        "",
    ),
    Break(
        "the release of the money on cancellation",
        "payments/src/payments/intent.py",
        "IntentStatus.REQUIRES_CAPTURE: Step.CANCEL",
        "IntentStatus.REQUIRES_CAPTURE: Step.WAIT",
    ),
    Break(
        "the timer lease",
        "expiration/src/expiration/repository.py",
        '        "$or": [{"leaseUntil": None}, {"leaseUntil": {"$lt": now}}],\n',
        "",
    ),
)


@contextmanager
def broken(safeguard: Break) -> Iterator[str]:
    """A copy of the code without the safeguard; where Python finds it before the real one."""
    with TemporaryDirectory(prefix="broken-") as folder:
        places = []
        for source in sorted(ROOT.glob("*/src")):
            copy = Path(folder) / source.relative_to(ROOT)
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            places.append(str(copy))
        shutil.copytree(ROOT / "client", Path(folder) / "client")
        file = Path(folder) / safeguard.file
        whole = file.read_text()
        if whole.count(safeguard.text) != 1:
            raise LookupError(f"{safeguard.name}: its text is not once in {safeguard.file}")
        file.write_text(whole.replace(safeguard.text, safeguard.instead))
        yield os.pathsep.join(places)


def verdict(safeguard: Break, seconds: float) -> str:
    """What chaos says of the system without the safeguard; empty when it notices nothing."""
    with broken(safeguard) as places:
        for seed in SEEDS:
            command = ("-m", "tests.chaos", "--seed", str(seed), "--seconds", str(seconds))
            ended = subprocess.run(  # noqa: S603 - our own harness
                [sys.executable, *command],
                cwd=ROOT,
                env={"PYTHONPATH": places, "PATH": os.defpath},
                capture_output=True,
                text=True,
                check=False,
            )
            if ended.returncode == 1 and "VIOLATIONS" in ended.stdout:
                return f"seed {seed}: {ended.stdout.partition('VIOLATIONS')[2].splitlines()[1]}"
            if ended.returncode:
                return f"seed {seed}: does not even run: {ended.stderr.splitlines()[-1]}"
    return ""


def main() -> int:
    """Break everything in turn; the exit code says whether each break was noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.breaks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long each run breaks things")
    parser.add_argument("--only", default="", help="safeguards whose name has this in it")
    chosen = parser.parse_args()
    unnoticed = 0
    for safeguard in BREAKS:
        if chosen.only in safeguard.name:
            noticed = verdict(safeguard, chosen.seconds)
            print(f"without {safeguard.name}: {noticed[:300] or 'NOT NOTICED'}", flush=True)
            unnoticed += not noticed
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
