"""A file that everything survives a restart in; a change costs one line, however much is kept."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from devstack.sandbox.idempotency import Remembered
from devstack.sandbox.intents import Intent


class Entry(BaseModel):
    """One line: things as they are from now on."""

    intents: list[Intent] = []
    cards: dict[str, str] = {}
    keys: list[Remembered] = []


class Journal:
    """Lines of which a later one outdoes an earlier one; without a file, nothing is kept."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def entries(self) -> Iterator[Entry]:
        """Everything that was kept, but for a last line that a crash has cut off."""
        if self._file is None or not self._file.exists():
            return
        for line in self._file.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                yield Entry.model_validate_json(line)

    def restart(self, entry: Entry) -> None:
        """Write the file anew with all there is, or not at all."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{entry.model_dump_json()}\n")
        fresh.replace(self._file)

    def append(self, entry: Entry) -> None:
        """Keep what has changed."""
        if self._file is None:
            return
        with self._file.open("a") as file:
            file.write(f"{entry.model_dump_json()}\n")
