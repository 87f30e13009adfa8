"""`exec`: runs a command with the settings of a service of the running stack."""

import os
import sys

from devstack.console import Console
from devstack.errors import CommandUnusable, NothingRuns, StackError
from devstack.folder import is_locked
from devstack.options import ExecOptions
from devstack.settings import InheritedEnvironment
from devstack.state_file import own_state_file, read_settings


def run(options: ExecOptions) -> int:
    """Replace this process by the command; returns an exit code only when that fails."""
    try:
        _exec(options)
    except StackError as problem:
        Console(sys.stderr).print_line(f"error: {problem}")
    return 1


def _exec(options: ExecOptions) -> None:
    variables = {**InheritedEnvironment().variables(), **_settings(options)}
    program = options.command[0]
    try:
        os.execvpe(program, options.command, variables)  # noqa: S606 (no shell is what we want)
    except OSError as error:
        raise CommandUnusable(f"{program} does not run: {error.strerror}") from error


def _settings(options: ExecOptions) -> dict[str, str]:
    try:
        settings = read_settings(own_state_file(options.data))
    except FileNotFoundError:
        settings = {}
    if not settings or not is_locked(
        options.data
    ):  # a killed launcher leaves its state file behind
        raise NothingRuns(f"no stack is running in {options.data}; `make dev` starts one")
    return settings[options.service]
