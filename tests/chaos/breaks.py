"""`python -m tests.chaos.breaks` takes one safeguard away at a time: chaos must notice each."""

import argparse
import sys

from tests.guarantees import breaks_of_sales as sales
from tests.guarantees.safeguards import Break, broken, run

SEEDS = (1, 2, 3)
"""A break that a run does not notice gets another run: which process dies when is chance."""

END_SECONDS = 600
"""More than it takes a run to start, to become quiet and to end."""

BREAKS = (
    sales.SWEEP,
    sales.GATE_OF_AGGREGATE,
    sales.GATE_OF_TICKETS_COPY,
    sales.GATE_OF_ORDERS_COPY,
    sales.GATE_OF_TICKETS_ORDERS,
    sales.UNIQUE_INDEX,
    sales.IDEMPOTENCY_KEY,
    sales.RELEASE_OF_TICKET,
    sales.RELEASE_OF_MONEY,
    sales.LEASE,
)


def verdict(safeguard: Break, seconds: float) -> str:
    """What chaos says of the system without the safeguard; empty when it notices nothing."""
    with broken(safeguard) as places:
        for seed in SEEDS:
            command = ("tests.chaos", "--seed", str(seed), "--seconds", str(seconds))
            ended = run(places, *command, seconds=seconds + END_SECONDS)
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
