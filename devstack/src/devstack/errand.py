"""`exec`: runs a command with the settings that a service of the running stack has."""

import os
import sys

from devstack.console import Console
from devstack.errors import CommandUnusable, NothingRuns, StackError
from devstack.folder import is_held
from devstack.options import Errand
from devstack.record import own_record, settings_in
from devstack.settings import InheritedEnvironment


def run(errand: Errand) -> int:
    """Become the command; gives an exit code only when that is not possible."""
    try:
        _become(errand)
    except StackError as problem:
        Console(sys.stderr).say(f"error: {problem}")
    return 1


def _become(errand: Errand) -> None:
    variables = {**InheritedEnvironment().variables(), **_settings(errand)}
    program = errand.command[0]
    try:
        os.execvpe(program, errand.command, variables)  # noqa: S606 (no shell is what we want)
    except OSError as error:
        raise CommandUnusable(f"{program} does not run: {error.strerror}") from error


def _settings(errand: Errand) -> dict[str, str]:
    try:
        settings = settings_in(own_record(errand.data))
    except FileNotFoundError:
        settings = {}
    if not settings or not is_held(errand.data):  # a killed launcher leaves its record behind
        raise NothingRuns(f"no stack is running in {errand.data}; `make dev` starts one")
    return settings[errand.service]
