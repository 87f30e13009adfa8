"""The launcher's output: its messages, and the logs of the processes, prefixed by their names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TextIO

COLOURS = ("36", "33", "35", "32", "34", "96", "93", "95", "92", "94")


@dataclass
class LogTail:
    """Reads what was appended to a log since the last call."""

    file: Path
    _seen: int = field(default=0, init=False)

    def new_lines(self) -> list[str]:
        """The lines completed since the last call."""
        if not self.file.exists():
            return []
        with self.file.open("rb") as log:
            log.seek(self._seen)
            complete = log.read().rpartition(b"\n")[0:2]
        added = b"".join(complete)
        self._seen += len(added)
        return added.decode(errors="replace").splitlines()


class Console:
    """Writes in colours to a terminal, and plain text elsewhere."""

    def __init__(self, out: TextIO, logs: Sequence[Path] = ()) -> None:
        self._out = out
        self._in_colours = out.isatty()
        self._is_gone = False
        self._width = max((len(log.stem) for log in logs), default=0)
        self._tails = list(zip(cycle(COLOURS), map(LogTail, logs), strict=False))

    def print_line(self, text: str) -> None:
        """Print a message of the launcher."""
        self._write(self._coloured("1", text) + "\n")

    def show_logs(self) -> None:
        """Print what the processes have logged since the last call."""
        for colour, tail in self._tails:
            prefix = self._coloured(colour, f"{tail.file.stem:<{self._width}} |")
            self._write("".join(f"{prefix} {line}\n" for line in tail.new_lines()))

    def _coloured(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._in_colours else text

    def _write(self, text: str) -> None:
        if not text or self._is_gone:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:  # nobody reads any more; stopping in good order matters more
            self._is_gone = True
