"""How a run reads: a table for the terminal, or in Markdown for docs/performance.md."""

from collections.abc import Sequence

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
    return [
        [*_row(figure), *(_compared(figure, then) if older else [])] for figure in run.figures[name]
    ]


def _row(figure: Figure) -> list[str]:
    verdict = {True: "met", False: "NOT MET", None: ""}[figure.is_met]
    return [
        _key(figure),
        f"{number(figure.value)} {figure.unit}",
        number(figure.floor) if figure.floor is not None else "",
        f"{figure.share:.0%}" if figure.share is not None else "",
        _asked(figure),
        f"{verdict} {figure.note}".strip(),
    ]


def _asked(figure: Figure) -> str:
    sign = "≥" if figure.more_is_better else "≤"
    asked = [] if figure.target is None else [f"{sign} {number(figure.target)}"]
    if figure.target_share is not None:
        asked.append(f"≥ {figure.target_share:.0%} of floor")
    return ", ".join(asked)


def _compared(figure: Figure, then: dict[str, Figure]) -> list[str]:
    older = then.get(_key(figure))
    times = figure.against(older) if older else None
    return [f"{times:.2f} x" if times else ""]


def _key(figure: Figure) -> str:
    return figure.name if figure.size is None else f"{figure.name}, {figure.size:,} stored"


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
