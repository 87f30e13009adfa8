"""`python -m tests.chaos --seed 7 --seconds 60` breaks a whole system and says how it went."""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.report import report
from tests.chaos.run import SCALES, run


def main() -> int:
    """Run once for each seed; the exit code says whether all promises were kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="one run for each")
    parser.add_argument("--seconds", type=float, default=60, help="how long things break")
    parser.add_argument("--members", type=int, choices=SCALES, default=1, help="of the databases")
    chosen = parser.parse_args()
    broken = 0
    for seed in chosen.seed:
        print(f"chaos with seed {seed} for {chosen.seconds:g} s ...", flush=True)
        with TemporaryDirectory(prefix="chaos-") as folder:
            outcome = asyncio.run(run(seed, chosen.seconds, Path(folder), chosen.members))
        print(report(outcome), flush=True)
        broken += bool(outcome.violations)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
