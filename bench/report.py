"""How a run reads: a table for the terminal, or in Markdown for docs/performance.md."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from bench.figures import Figure, Run

HEAD = ("figure", "value", "floor", "of floor", "asked", "")


def table(run: Run, older: Run | None = None) -> str:
    """Columns for a terminal; with an older run how many times as good everything is now."""
    head = [*HEAD, "to then"] if older else [*HEAD]
    blocks = {name: _rows(name, run, older) for name in run.figures}
    rows = [head, *(row for block in blocks.values() for row in block)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [_aligned(head, widths)]
    for name, block in blocks.items():
        lines += ["", name, *(_aligned(row, widths) for row in block)]
    lines += [f"\n{name} FAILED: {why}" for name, why in run.failures.items()]
    return "\n".join(lines) + "\n"


def markdown(run: Run) -> str:
    """A table for each measurement."""
    lines = []
    for name in run.figures:
        lines += [f"### {name}", "", _line(HEAD), _line(["---"] * len(HEAD))]
        lines += [_line(row) for row in _rows(name, run, None)] + [""]
    return "\n".join(lines)


def _rows(name: str, run: Run, older: Run | None) -> list[list[str]]:
    then = {_key(figure): figure for figure in older.figures.get(name, ())} if older else {}
    groups = (list(each) for _, each in groupby(run.figures[name], key=attrgetter("name")))
    return [
        [*_row(figures), *(_compared(figures[-1], then) if older else [])] for figures in groups
    ]


def _row(figures: Sequence[Figure]) -> list[str]:
    """Of one figure, or of the same one with more and more stored: the largest is judged."""
    figure = figures[-1]
    verdict = {True: "met", False: "NOT MET", None: ""}[figure.is_met]
    values = " → ".join(number(each.value) for each in figures)
    sizes = " → ".join(f"{each.size:,}" for each in figures if each.size is not None)
    return [
        figure.name,
        f"{values} {figure.unit}",
        number(figure.floor) if figure.floor is not None else "",
        f"{figure.share:.0%}" if figure.share is not None else "",
        _asked(figure),
        f"{verdict} {figure.note}{sizes and f'with {sizes} stored'}".strip(),
    ]


def _asked(figure: Figure) -> str:
    sign = "≥" if figure.more_is_better else "≤"
    asked = [] if figure.target is None else [f"{sign} {number(figure.target)}"]
    if figure.target_share is not None:
        asked.append(f"≥ {figure.target_share:.0%} of floor")
    return ", ".join(asked)


def _compared(figure: Figure, then: dict[tuple[str, int | None], Figure]) -> list[str]:
    older = then.get(_key(figure))
    times = figure.against(older) if older else None
    return [f"{times:.2f} x" if times else ""]


def _key(figure: Figure) -> tuple[str, int | None]:
    return figure.name, figure.size


def number(value: float) -> str:
    """Three significant digits, and thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    begin, *rest = widths
    cells = [
        first.ljust(begin),
        *(text.rjust(width) for text, width in zip(others, rest, strict=True)),
    ]
    return "  ".join(cells).rstrip()


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
