"""Pictures of a run: how near everything is to its floor, and what grows with the database."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.figures import Figure, Run

mpl.use("Agg")


def draw(run: Run, folder: Path) -> Iterator[Path]:
    """Draw what there is into the folder; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = [figure for each in run.figures.values() for figure in each]
    if shares := {f.name: f.share for f in figures if f.share is not None and f.size is None}:
        yield _shares(shares, folder / "floors.png")
    if sized := [figure for figure in figures if figure.size is not None]:
        yield _growth(sized, folder / "growth.png")


def _shares(shares: dict[str, float], file: Path) -> Path:
    picture, axes = plt.subplots(figsize=(9, 1 + 0.4 * len(shares)))
    axes.barh(list(shares), [100 * share for share in shares.values()])
    axes.axvline(100, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("% of the floor measured beside it")
    picture.savefig(file, bbox_inches="tight")
    plt.close(picture)
    return file


def _growth(figures: list[Figure], file: Path) -> Path:
    lines = defaultdict[str, list[tuple[int, float]]](list)
    for figure in figures:
        lines[f"{figure.name} ({figure.unit})"].append((figure.size or 0, figure.value))
    picture, axes = plt.subplots(figsize=(9, 6))
    for name, points in lines.items():
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("tickets and orders in the database")
    axes.legend(fontsize="small")
    picture.savefig(file, bbox_inches="tight")
    plt.close(picture)
    return file
