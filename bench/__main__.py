"""`python -m bench [names]` measures, prints a table, and ends with 1 when something failed."""

import argparse
import asyncio
import os
import platform
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import report
from bench.figures import Run
from bench.measurements import EXTRA, LIMIT_SECONDS, MEASUREMENTS

PLOTS = Path("build/bench")


def main() -> int:
    """Measure what was asked for."""
    chosen = _chosen()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))  # and end what we started
    started = time.monotonic()
    run = Run(machine=_machine())
    for name in chosen.names or MEASUREMENTS:
        asyncio.run(_measure(name, run))
    sys.stdout.write(report.markdown(run) if chosen.markdown else _table(run, chosen.against))
    sys.stdout.write(f"\nmeasured in {time.monotonic() - started:.0f} s on {run.machine}\n")
    if chosen.json:
        chosen.json.write_text(run.model_dump_json(indent=2, exclude_defaults=True) + "\n")
    if not chosen.no_plots:
        _plot(run)
    return 1 if run.failures else 0


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=f"All but {', '.join(EXTRA)}, unless names are given."
    )
    say = parser.add_argument
    say("names", nargs="*", metavar="name", help=", ".join([*MEASUREMENTS, *EXTRA]))
    say("--json", type=Path, help="a file to write all figures to")
    say("--against", type=Path, help="such a file of an older run, to compare with")
    say("--markdown", action="store_true", help="print the table as docs/performance.md has it")
    say("--no-plots", action="store_true", help=f"do not draw anything into {PLOTS}/")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - {*MEASUREMENTS, *EXTRA}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    return chosen


async def _measure(name: str, run: Run) -> None:
    measure = {**MEASUREMENTS, **EXTRA}[name]
    sys.stderr.write(f"measuring {name} ...\n")
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            run.figures[name] = list(await measure())
    except Exception as error:  # noqa: BLE001 - whatever it was, the others go on
        run.failures[name] = repr(error)


def _table(run: Run, against: Path | None) -> str:
    older = Run.model_validate_json(against.read_text()) if against else None
    return report.table(run, older)


def _plot(run: Run) -> None:
    try:
        from bench import plots
    except ImportError:
        sys.stderr.write("no plots without matplotlib\n")
        return
    for file in plots.draw(run, PLOTS):
        sys.stdout.write(f"{file}\n")


def _machine() -> dict[str, str]:
    return {
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
    }


if __name__ == "__main__":
    sys.exit(main())
