"""One measured number: its unit, the floor measured beside it, and what is asked of it."""

from collections.abc import Sequence

from pydantic import BaseModel


class Figure(BaseModel):
    """A number with a name.

    `floor` is the same number of the barest thing that does the work, measured in the same run.
    `target` bounds the value, `target_share` the share of the floor that is reached. `size` says
    how much was in the database, for figures that are to be compared by that.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    target: float | None = None
    target_share: float | None = None
    size: int | None = None
    note: str = ""

    @property
    def more_is_better(self) -> bool:
        """Rates want to be high, all else low."""
        return self.unit.endswith("/s")

    @property
    def share(self) -> float | None:
        """How much of its floor it reaches: 1 is as good as the barest thing."""
        if not self.floor or not self.value:
            return None
        return self.value / self.floor if self.more_is_better else self.floor / self.value

    @property
    def is_met(self) -> bool | None:
        """Whether it is what is asked of it; None when nothing is."""
        asked = []
        if self.target is not None:
            is_more = self.value >= self.target
            asked.append(is_more if self.more_is_better else self.value <= self.target)
        if self.target_share is not None:
            asked.append((self.share or 0) >= self.target_share)
        return all(asked) if asked else None

    def against(self, older: "Figure") -> float | None:
        """How many times as good as in an older run."""
        if not older.value or not self.value:
            return None
        return self.value / older.value if self.more_is_better else older.value / self.value


class Run(BaseModel):
    """All figures of one run, by measurement, and what could not be measured."""

    machine: dict[str, str] = {}
    figures: dict[str, Sequence[Figure]] = {}
    failures: dict[str, str] = {}
