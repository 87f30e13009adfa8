"""`python -m tests.chaos.breaks` takes one safeguard away at a time: chaos must notice each."""

import argparse
import sys

from tests.guarantees import breaks_of_sales as sales
from tests.guarantees.safeguards import Break, broken, run

SEEDS = {1: (1, 2, 3), 3: (0, 7, 14)}
"""A break that a run does not notice gets another run: which process dies when is chance.

By members; with three, these begin with a lost majority and go on with a primary that is cut off.
"""

END_SECONDS = 600
"""More than it takes a run to start, to become quiet and to end."""

ALONE = (
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
BREAKS = {**dict.fromkeys(ALONE, 1), sales.COMMITTED_READS: 3}
"""With how many members of MongoDB and NATS it shows."""


def verdict(safeguard: Break, members: int, seconds: float) -> str:
    """What chaos says of the system without the safeguard; empty when it notices nothing."""
    with broken(safeguard) as places:
        for seed in SEEDS[members]:
            command = ("tests.chaos", "--seed", str(seed), "--seconds", str(seconds))
            with_members = (*command, "--members", str(members))
            ended = run(places, *with_members, seconds=seconds + END_SECONDS)
            if ended.returncode == 1 and "VIOLATIONS" in ended.stdout:
                return f"seed {seed}: {ended.stdout.partition('VIOLATIONS')[2].splitlines()[1]}"
            if ended.returncode:
                return f"seed {seed}: does not even run: {ended.stderr.splitlines()[-1]}"
    return ""


def main() -> int:
    """Break everything in turn; the exit code says whether each break was noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.breaks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=45, help="how long each run breaks things")
    parser.add_argument("--only", default="", help="safeguards whose name has this in it")
    chosen = parser.parse_args()
    unnoticed = 0
    for safeguard, members in BREAKS.items():
        if chosen.only in safeguard.name:
            noticed = verdict(safeguard, members, chosen.seconds)
            print(f"without {safeguard.name}: {noticed[:300] or 'NOT NOTICED'}", flush=True)
            unnoticed += not noticed
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
