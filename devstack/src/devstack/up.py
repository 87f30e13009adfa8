"""`up`: starts a stack, supervises it, and stops all of it."""

import sys
import time
from pathlib import Path

from devstack.console import Console
from devstack.errors import PortTaken, StackError
from devstack.folder import data_folder, locked, reset_logs
from devstack.keys import load_or_create
from devstack.options import Options
from devstack.plan import Plan, choose_ports, http_url
from devstack.ports import is_free
from devstack.process import poll_pause
from devstack.setting_overrides import SettingOverrides, resolve_overrides
from devstack.settings import environment
from devstack.signals import StopRequested, StopSignals
from devstack.stack import Stack, Stopping
from devstack.state_file import own_state_file, write_own_state, write_state
from devstack.summary import summary
from devstack.supervisor import Supervisor


def up(options: Options) -> int:
    """Run a stack until it is stopped; returns the exit code."""
    signals = StopSignals()
    try:
        settings = resolve_overrides(options.settings, environment())
        with data_folder(options.data, ephemeral=options.ephemeral) as folder:
            _run(options, settings, folder, signals)
    except StackError as problem:
        Console(sys.stderr).print_line(f"error: {problem}")
        return 1
    return 0


def _run(options: Options, settings: SettingOverrides, folder: Path, signals: StopSignals) -> None:
    ports = choose_ports(options.port, options.replicas, options.members)
    with locked(folder, http_url(ports.gateway)):
        if not is_free(ports.gateway):
            raise PortTaken(
                f"nothing can listen on port {ports.gateway}, it is probably taken; "
                "choose another one with --port"
            )
        plan = Plan(folder, ports, load_or_create(folder / "keys"), settings, options.clocks)
        reset_logs(plan.logs)
        _Launch(plan, options, signals).run()


class _Launch:
    """One life of one stack."""

    def __init__(self, plan: Plan, options: Options, signals: StopSignals) -> None:
        self._plan = plan
        self._state_file = options.json
        self._signals = signals
        self._stack = stack = Stack(plan)
        shown = (
            [] if options.quiet else [stack.topology, stack.sandbox, *stack.replicas, stack.gateway]
        )
        self._console = Console(sys.stdout, [process.program.log for process in shown])
        self._supervisor = Supervisor(stack, self._console.print_line)

    def run(self) -> None:
        """Run until a signal arrives, or an error that cannot be recovered."""
        try:
            self._delete_state_files()
            self._start()
            while True:
                self._pause()
                if self._supervisor.restart_ended():
                    self._write_state()
        except StopRequested:
            self._console.print_line("Stopping")
        finally:
            self._delete_state_files()
            self._stack.stop(Stopping(self._wait, self._signals.is_urgent))
            self._console.show_logs()

    def _start(self) -> None:
        begun = time.monotonic()
        self._stack.start(self._pause)
        self._write_state()
        self._console.print_line(summary(self._plan, time.monotonic() - begun))

    def _pause(self) -> None:
        self._wait()
        self._signals.check()

    def _wait(self) -> None:
        poll_pause()
        self._console.show_logs()

    def _write_state(self) -> None:
        write_own_state(self._plan, self._stack)
        if self._state_file:
            write_state(self._state_file, self._plan, self._stack)

    def _delete_state_files(self) -> None:
        own_state_file(self._plan.folder).unlink(missing_ok=True)
        if self._state_file:
            self._state_file.unlink(missing_ok=True)
