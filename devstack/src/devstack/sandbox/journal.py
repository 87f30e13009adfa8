"""An append-only journal: state survives a restart, and a change costs one line."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from devstack.sandbox.idempotency import StoredResponse
from devstack.sandbox.intents import Intent


class Entry(BaseModel):
    """One line: new states of objects."""

    intents: list[Intent] = []
    cards: dict[str, str] = {}
    keys: list[StoredResponse] = []


class Journal:
    """Lines of which a later one overrides an earlier one; without a file, nothing is stored."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def entries(self) -> Iterator[Entry]:
        """All entries, except a last line that a crash has truncated."""
        if self._file is None or not self._file.exists():
            return
        for line in self._file.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                yield Entry.model_validate_json(line)

    def restart(self, entry: Entry) -> None:
        """Compact: replace the file atomically by one entry with everything."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{entry.model_dump_json()}\n")
        fresh.replace(self._file)

    def append(self, entry: Entry) -> None:
        """Append the changes."""
        if self._file is None:
            return
        with self._file.open("a") as file:
            file.write(f"{entry.model_dump_json()}\n")
