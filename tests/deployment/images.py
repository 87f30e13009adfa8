"""What the images are made of, as their Dockerfiles say."""

import json
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.deployment.manifests import ROOT

HADOLINT = Path(sysconfig.get_path("scripts")) / "hadolint"
FOLDER = ROOT / "infra" / "docker"
DOCKERFILES = [FOLDER / "Dockerfile", *sorted(FOLDER.glob("*.Dockerfile"))]
SERVICES = ("auth", "tickets", "orders", "expiration", "payments")
PIN = re.compile(r"^([\w.-]+)==([\w.]+).*\\$")


class Instruction(NamedTuple):
    """One step of a Dockerfile."""

    word: str
    rest: str


def instructions(text: str) -> list[Instruction]:
    """The steps, each on one line, without comments."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    whole = re.sub(r"\\\n\s*", " ", lines).splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in whole if line.strip()]


def stages(text: str) -> dict[str, list[Instruction]]:
    """The stages by name (`last` without one), each after the steps of what it is made from."""
    found: dict[str, list[Instruction]] = {}
    steps: list[Instruction] = []
    for step in instructions(text):
        if step.word == "FROM":
            base, _, name = step.rest.partition(" AS ")
            steps = found[name or "last"] = [*found.get(base, [])]
        steps.append(step)
    return found


def lint(text: str) -> list[str]:
    """What hadolint has to say."""
    said = subprocess.run(  # noqa: S603 (the command is ours)
        [HADOLINT, "--no-color", "-"], input=text, capture_output=True, text=True, check=False
    )
    return said.stdout.splitlines()


def loose_bases(text: str) -> list[str]:
    """Bases without a version, or from another place than the official images."""
    names = stages(text)
    bases = [step.rest.partition(" ")[0] for step in instructions(text) if step.word == "FROM"]
    wrong = [base for base in bases if base not in names and not _is_official(base)]
    return wrong + [line for line in text.splitlines() if re.match(r"#\s*syntax\s*=", line)]


def _is_official(base: str) -> bool:
    return bool(re.fullmatch(r"[a-z]+:(\$\{PYTHON_VERSION\}|\d+\.\d+[\d.]*)(-[\w-]+)?", base))


def rooted(text: str) -> list[str]:
    """Stages that start as root, or as somebody whose number nobody knows."""
    started = {name: steps for name, steps in stages(text).items() if _last(steps, "CMD")}
    users = {name: _last(steps, "USER") for name, steps in started.items()}
    return [
        f"{name} runs as {user or 'root'}"
        for name, user in users.items()
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    ]


def badly_started(text: str) -> list[str]:
    """Commands that a shell would stand before, and keep signals from."""
    commands = [step.rest for step in instructions(text) if step.word in {"CMD", "ENTRYPOINT"}]
    checks = [step.rest for step in instructions(text) if step.word == "HEALTHCHECK"]
    commands += [check.partition("CMD ")[2] for check in checks]
    return [command for command in commands if not _is_exec_form(command)]


def _is_exec_form(command: str) -> bool:
    try:
        return isinstance(json.loads(command), list)
    except ValueError:
        return False


def unlabelled(text: str) -> list[str]:
    """Last stages of which a registry could not say what they are."""
    label = _last(list(stages(text).values())[-1], "LABEL")
    wanted = ("title", "description")
    return [each for each in wanted if f"org.opencontainers.image.{each}=" not in label]


def start_of(stage: Sequence[Instruction]) -> list[str]:
    """The command that a stage starts."""
    command: list[str] = json.loads(_last(stage, "CMD"))
    return command


def _last(stage: Sequence[Instruction], word: str) -> str:
    return next((step.rest for step in reversed(stage) if step.word == word), "")


def sources(steps: Sequence[Instruction], service: str = "auth") -> Iterator[str]:
    """The paths that are copied from the repository."""
    for step in steps:
        if step.word == "COPY" and "--from=" not in step.rest:
            named = [word for word in step.rest.split() if not word.startswith("--")]
            yield from (word.replace("${SERVICE}", service) for word in named[:-1])


def missing_sources(text: str, ignored: str) -> list[str]:
    """What is copied, but does not exist or is kept from the build."""
    wanted = {path for service in SERVICES for path in sources(instructions(text), service)}
    return sorted(
        path
        for path in wanted
        if not (ROOT / path).exists() or not is_sent(_a_file_in(path), ignored)
    )


def _a_file_in(path: str) -> str:
    return path if (ROOT / path).is_file() else f"{path}/some/file.py"


def is_sent(path: str, ignored: str) -> bool:
    """Whether .dockerignore lets a file into a build: the last line that fits decides."""
    steps = path.split("/")
    levels = ["/".join(steps[: number + 1]) for number in range(len(steps))]
    sent = True
    for line in ignored.splitlines():
        pattern = line.removeprefix("!")
        if pattern and not line.startswith("#") and any(_fits(one, pattern) for one in levels):
            sent = line.startswith("!")
    return sent


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.rpartition("/")[2], pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


def loose_lines(lock: str) -> list[str]:
    """Lines of a lock that pip would not be strict about, or that lead somewhere."""
    wrong = [line for line in lock.splitlines() if "://" in line or line.startswith("-")]
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        first = entry.splitlines()[0]
        if not PIN.match(first) or "--hash=sha256:" not in entry:
            wrong.append(first)
    return wrong


def unlocked(pyprojects: Sequence[Path], lock: str) -> list[str]:
    """What projects need, but a lock does not hold in a version that they allow."""
    pins = {m[1]: m[2] for m in map(PIN.match, lock.splitlines()) if m}
    return [str(need) for need in _needs(pyprojects) if not _holds(pins, need)]


def _needs(pyprojects: Sequence[Path]) -> Iterator[Requirement]:
    for file in pyprojects:
        for line in tomllib.loads(file.read_text())["project"].get("dependencies", []):
            if line != "ticketing-common":
                yield Requirement(line)


def _holds(pins: dict[str, str], need: Requirement) -> bool:
    version = pins.get(canonicalize_name(need.name))
    return version is not None and need.specifier.contains(version)
