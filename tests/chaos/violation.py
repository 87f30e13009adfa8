"""A promise that was broken, and about whom."""

from dataclasses import dataclass

from typing_extensions import override


@dataclass(frozen=True)
class Violation:
    """Which rule, which ticket or order, and what is wrong."""

    rule: str
    entity: str
    what: str

    @override
    def __str__(self) -> str:
        return f"{self.rule}: {self.entity}: {self.what}"
