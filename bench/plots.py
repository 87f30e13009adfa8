"""Pictures of a run: how near everything is to its floor, and what grows with the database."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Patch

from bench.figures import Figure, Run

mpl.use("Agg")

COLOURS = {True: "tab:green", False: "tab:red", None: "silver"}
MEANING = {True: "met", False: "not met", None: "nothing is asked"}


def draw(run: Run, folder: Path) -> Iterator[Path]:
    """Draw what there is into the folder; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = [figure for each in run.figures.values() for figure in each]
    if floored := [figure for figure in figures if figure.share is not None]:
        yield _shares(floored, folder / "floors.png")
    if sized := [figure for figure in figures if figure.size is not None]:
        yield _growth(sized, folder / "growth.png")


def _shares(figures: list[Figure], file: Path) -> Path:
    picture, axes = plt.subplots(figsize=(9, 1 + 0.25 * len(figures)))
    shares = [100 * (figure.share or 0) for figure in figures]
    colours = [COLOURS[figure.is_met] for figure in figures]
    axes.barh([figure.name for figure in figures], shares, color=colours)
    axes.axvline(100, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel("% of the floor measured beside it")
    axes.legend(handles=[Patch(color=COLOURS[each], label=MEANING[each]) for each in COLOURS])
    return _saved(picture, file)


def _growth(figures: list[Figure], file: Path) -> Path:
    lines = defaultdict[str, list[tuple[int, float]]](list)
    for figure in figures:
        lines[f"{figure.name} ({figure.unit})"].append((figure.size or 0, figure.value))
    picture, axes = plt.subplots(figsize=(7, 1 + 0.25 * len(lines)))
    axes.set_prop_cycle(color=mpl.colormaps["tab20"](range(20)))
    slowest_first = sorted(lines.items(), key=lambda line: -max(line[1])[1])
    for name, points in slowest_first:
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("tickets and orders in the database")
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.02, 1))
    return _saved(picture, file)


def _saved(picture: Picture, file: Path) -> Path:
    picture.savefig(file, bbox_inches="tight")
    plt.close(picture)
    return file
