"""A safeguard, and a copy of the code without it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Break:
    """A safeguard, where it is, and the code without it."""

    name: str
    file: str
    text: str
    instead: str


def without(safeguard: Break) -> str:
    """The file's text without the safeguard; raises LookupError."""
    whole = (ROOT / safeguard.file).read_text()
    if whole.count(safeguard.text) != 1:
        raise LookupError(f"{safeguard.name}: its text is not once in {safeguard.file}")
    return whole.replace(safeguard.text, safeguard.instead)


@contextmanager
def broken(safeguard: Break) -> Iterator[str]:
    """A copy of the code without the safeguard; where Python finds it before the real one."""
    with TemporaryDirectory(prefix="broken-") as folder:
        places = []
        for source in sorted(ROOT.glob("*/src")):
            copy = Path(folder) / source.relative_to(ROOT)
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            places.append(str(copy))
        shutil.copytree(ROOT / "client", Path(folder) / "client")
        (Path(folder) / safeguard.file).write_text(without(safeguard))
        yield os.pathsep.join(places)


def run(places: str, *command: str, seconds: float) -> "subprocess.CompletedProcess[str]":
    """Run a module with the code that is at these places, but not longer than this."""
    return subprocess.run(  # noqa: S603 - our own harness
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={"PYTHONPATH": places, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
