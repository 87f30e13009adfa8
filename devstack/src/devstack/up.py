"""`up`: starts a stack, stays with it, and leaves nothing behind."""

import sys
import time
from pathlib import Path

from devstack.banner import banner
from devstack.chosen import Chosen, chosen
from devstack.console import Console
from devstack.errors import PortTaken, StackError
from devstack.folder import begin_logs, data_folder, held
from devstack.keys import load_or_create
from devstack.options import Options
from devstack.plan import Plan, choose_ports, http_url
from devstack.ports import is_free
from devstack.process import nap
from devstack.record import own_record, write_own_record, write_record
from devstack.settings import environment
from devstack.signals import StopRequested, StopSignals
from devstack.stack import Stack, Stopping
from devstack.supervision import Supervision


def up(options: Options) -> int:
    """Run a stack until somebody stops it; gives the exit code."""
    signals = StopSignals()
    try:
        settings = chosen(options.settings, environment())
        with data_folder(options.data, ephemeral=options.ephemeral) as folder:
            _run(options, settings, folder, signals)
    except StackError as problem:
        Console(sys.stderr).say(f"error: {problem}")
        return 1
    return 0


def _run(options: Options, settings: Chosen, folder: Path, signals: StopSignals) -> None:
    ports = choose_ports(options.port, options.replicas, options.members)
    with held(folder, http_url(ports.gateway)):
        if not is_free(ports.gateway):
            raise PortTaken(
                f"nothing can listen on port {ports.gateway}, it is probably taken; "
                "choose another one with --port"
            )
        plan = Plan(folder, ports, load_or_create(folder / "keys"), settings, options.clocks)
        begin_logs(plan.logs)
        _Launch(plan, options, signals).run()


class _Launch:
    """One life of one stack."""

    def __init__(self, plan: Plan, options: Options, signals: StopSignals) -> None:
        self._plan = plan
        self._record = options.json
        self._signals = signals
        self._stack = stack = Stack(plan)
        shown = (
            [] if options.quiet else [stack.topology, stack.sandbox, *stack.replicas, stack.gateway]
        )
        self._console = Console(sys.stdout, [process.program.log for process in shown])
        self._supervision = Supervision(stack, self._console.say)

    def run(self) -> None:
        """Until a signal comes, or something happens that cannot be mended."""
        try:
            self._forget_record()
            self._start()
            while True:
                self._pause()
                if self._supervision.look():
                    self._write_record()
        except StopRequested:
            self._console.say("Stopping")
        finally:
            self._forget_record()
            self._stack.stop(Stopping(self._wait, self._signals.is_urgent))
            self._console.show_logs()

    def _start(self) -> None:
        begun = time.monotonic()
        self._stack.start(self._pause)
        self._write_record()
        self._console.say(banner(self._plan, time.monotonic() - begun))

    def _pause(self) -> None:
        self._wait()
        self._signals.check()

    def _wait(self) -> None:
        nap()
        self._console.show_logs()

    def _write_record(self) -> None:
        write_own_record(self._plan, self._stack)
        if self._record:
            write_record(self._record, self._plan, self._stack)

    def _forget_record(self) -> None:
        own_record(self._plan.folder).unlink(missing_ok=True)
        if self._record:
            self._record.unlink(missing_ok=True)
