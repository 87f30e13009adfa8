"""The launcher, with everything it launches."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from devstack.plan import SERVICES
from devstack.quick import Processes
from devstack.running_stack import RunningStack
from devstack.settings import clean_environment
from devstack.testing import TIMEOUT_SECONDS, eventually

ACCOUNT = {"email": "somebody@ticketing.test", "password": "correct horse"}


class Launcher:
    """`python -m devstack up` with a data folder of its own."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.data, self._facts, self._output = folder / "data", folder / "json", folder / "output"
        self._command = [sys.executable, "-m", "devstack", "up", "--json", str(self._facts)]
        self._command += ["--data", str(self.data), *arguments]
        self._settings = settings

    @property
    def environment(self) -> dict[str, str]:
        """What it is started with."""
        return {**clean_environment(), **self._settings}

    def run(self) -> str:
        """Run a launcher that cannot start; gives what it said."""
        ended = subprocess.run(  # noqa: S603 (the command is ours)
            self._command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert ended.returncode == 1
        return ended.stderr

    def run_errand(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`python -m devstack exec` beside it."""
        return subprocess.run(  # noqa: S603 (the command is ours)
            [sys.executable, "-m", "devstack", "exec", "--data", str(self.data), *words],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    @property
    def own_state_file(self) -> Path:
        """What `exec` reads."""
        return self.data / "stack.json"

    @property
    def state_file(self) -> Path:
        """What `--json` asked for."""
        return self._facts

    @contextmanager
    def running(self) -> Iterator["Launcher"]:
        """Ready, and stopped at the end of the block."""
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 (the command is ours)
                self._command, env=self.environment, stdout=output, stderr=output
            )
        try:
            while not self._facts.exists():
                assert self.process.poll() is None, self.said
                time.sleep(0.05)
            yield self
        finally:
            self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after a polite request."""
        self.process.send_signal(how)
        return self.process.wait(TIMEOUT_SECONDS)

    @property
    def stack(self) -> RunningStack:
        """Where everything is now."""
        facts = json.loads(self._facts.read_text())
        return RunningStack.model_validate({**facts, "state_file": self._facts})

    @property
    def said(self) -> str:
        """Everything it has printed."""
        return self._output.read_text()

    @property
    def is_ready(self) -> bool:
        """Whether it has told where everything is."""
        return self._facts.exists()


@pytest.fixture(scope="module")
def launcher(
    processes: Processes,  # noqa: ARG001 - it is one
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Launcher]:
    """One that runs for all tests of this module and survives their crashes."""
    folder = tmp_path_factory.mktemp("launcher")
    arguments = ("--port", "0", "--replicas", "orders=2", "--set", "orders.EVENT_STREAMS_LIMIT=50")
    settings = {"EVENT_STREAMS_LIMIT": "60", "LAME_DUCK_SECONDS": "0.5", "MONGO_URI": "elsewhere"}
    with Launcher(folder, *arguments, "--window", "700", **settings).running() as launcher:
        yield launcher


def test_its_file_tells_where_everything_is(launcher: Launcher) -> None:
    stack = launcher.stack
    assert set(stack.services) == set(stack.mongo) == set(SERVICES)
    assert [name for name, urls in stack.services.items() if len(urls) == 2] == ["orders"]
    assert set(stack.pids) == {*SERVICES, "mongod", "nats", "topology", "sandbox", "gateway"}
    assert stack.mongo["auth"].endswith("/auth?replicaSet=rs0")
    assert (stack.logs / "orders-2.log").exists()
    assert httpx.get(f"{stack.sandbox}/_sandbox/health").is_success
    for urls in stack.services.values():
        assert all(httpx.get(f"{url}/readyz").is_success for url in urls)


def test_its_banner_says_what_to_open(launcher: Launcher) -> None:
    address = launcher.stack.gateway
    documentation = re.findall(rf"{address}/api/\w+/docs", launcher.said)
    assert len(documentation) == 4
    assert all(httpx.get(page).is_success for page in [address, *documentation])
    assert "pm_card_visa" in launcher.said
    metrics = re.findall(r"http://\S+/metrics", launcher.said)
    assert len(metrics) == len(SERVICES) + 1  # orders has two processes
    assert all("ticketing_requests_total" in httpx.get(page).text for page in metrics)


def test_the_api_answers_at_one_address(launcher: Launcher) -> None:
    with httpx.Client(base_url=launcher.stack.gateway) as browser:
        assert browser.get("/api/users/currentuser").json() == {"currentUser": None}
        assert browser.get("/api/tickets").json() == []
        assert browser.get("/api/orders").status_code == 401
        assert browser.get("/api/payments/1").status_code == 401


def test_settings_reach_the_processes_of_their_services(launcher: Launcher) -> None:
    stack = launcher.stack
    seen = {name: list(map(environment_of, stack.pids[name])) for name in SERVICES}
    limits = {name: {each.get("EVENT_STREAMS_LIMIT") for each in seen[name]} for name in SERVICES}
    assert limits == {
        "auth": {None},
        "tickets": {"60"},
        "orders": {"50"},
        "expiration": {"60"},
        "payments": {"60"},
    }
    for service in SERVICES:
        for each in seen[service]:
            assert each["LAME_DUCK_SECONDS"] == "0.5"
            assert each["MONGO_URI"] == stack.mongo[service]
            assert ("ORDER_WINDOW_SECONDS" in each) is (service in {"orders", "payments"})


def test_exec_passes_settings_of_the_service(launcher: Launcher) -> None:
    ended = launcher.run_errand("payments", "env")
    settings = dict(line.split("=", 1) for line in ended.stdout.splitlines() if "=" in line)
    assert ended.returncode == 0
    assert settings["MONGO_URI"] == launcher.stack.mongo["payments"]
    assert settings["NATS_URL"] == launcher.stack.nats
    assert settings["JWT_PUBLIC_KEY"].startswith("-----BEGIN")
    assert settings["STRIPE_WEBHOOK_SECRET"]
    assert settings["EVENT_STREAMS_LIMIT"] == "60"
    assert settings["ORDER_WINDOW_SECONDS"] == "700"


def test_a_command_says_its_own_exit_code(launcher: Launcher) -> None:
    assert launcher.run_errand("orders", "sh", "-c", "exit 7").returncode == 7
    unknown = launcher.run_errand("orders", "no-such-program")
    assert unknown.returncode == 1
    assert "error: no-such-program does not run: No such file or directory" in unknown.stderr


def test_its_own_record_is_its_owners_alone(launcher: Launcher) -> None:
    assert launcher.own_state_file.stat().st_mode & 0o777 == 0o600
    assert "STRIPE" not in launcher.state_file.read_text()


def test_a_command_needs_a_running_stack(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    stopped = Launcher(tmp_path)
    for _ in range(2):
        ended = stopped.run_errand("orders", "env")
        assert ended.returncode == 1
        assert ended.stderr.startswith("error: no stack is running in")
        stopped.own_state_file.write_text(launcher.own_state_file.read_text())  # as after a SIGKILL


def test_a_second_launcher_says_who_runs(launcher: Launcher) -> None:
    said = Launcher(launcher.data.parent, "--port", "0").run()
    assert f"already running (pid {launcher.process.pid}, {launcher.stack.gateway})" in said
    assert launcher.is_ready


def test_a_taken_port_is_refused_at_once(launcher: Launcher, tmp_path: Path) -> None:
    port = launcher.stack.gateway.rpartition(":")[2]
    second = Launcher(tmp_path, "--port", port)
    assert re.search(rf"port {port}, .* --port", second.run())
    assert not (second.data / "mongod").exists()


async def test_a_killed_replica_comes_back_on_its_port(launcher: Launcher) -> None:
    killed, spared = launcher.stack.pids["orders"]
    os.kill(killed, signal.SIGKILL)

    async def back() -> bool:
        now = launcher.stack
        return now.pids["orders"][0] != killed and all(map(is_ready, now.services["orders"]))

    await eventually(back)
    assert launcher.stack.pids["orders"][1] == spared
    assert "orders-1 ended by itself (exit code -9)" in launcher.said


async def test_killed_databases_come_back(launcher: Launcher) -> None:
    before = launcher.stack
    for name in ("mongod", "nats"):
        os.kill(before.pids[name][0], signal.SIGKILL)

    async def back() -> bool:
        now = launcher.stack.pids
        return (
            now["mongod"] != before.pids["mongod"]
            and now["nats"] != before.pids["nats"]
            and all(is_ready(url) for urls in before.services.values() for url in urls)
        )

    await eventually(back)


@pytest.mark.usefixtures("processes")
def test_data_survives_a_restart_and_nothing_else_does(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, "--port", "0", "--quiet")
    with launcher.running():
        first = launcher.stack
        assert httpx.post(f"{first.gateway}/api/users/signup", json=ACCOUNT).status_code == 201
        assert launcher.stop(signal.SIGINT) == 0
    assert not any(map(is_alive, all_pids(first)))
    assert not launcher.is_ready
    with launcher.running():
        second = launcher.stack
        assert httpx.post(f"{second.gateway}/api/users/signin", json=ACCOUNT).status_code == 200
        assert launcher.stop(signal.SIGTERM) == 0
    assert not any(map(is_alive, all_pids(second)))
    assert not launcher.own_state_file.exists()


@pytest.mark.usefixtures("processes")
def test_a_failed_start_shows_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "mongod"
    broken.write_text("#!/bin/sh\n[ $1 = --version ] || { echo no space left; exit 100; }\n")
    broken.chmod(0o755)
    monkeypatch.setenv("MONGOD_BIN", str(broken))
    assert "error: mongod ended (100)\nno space left" in Launcher(tmp_path, "--port", "0").run()


@pytest.mark.parametrize("wrong", ["ORDER_WINDOW_SECOND=60", "ORDER_WINDOW_SECONDS=soon"])
def test_a_wrong_setting_is_refused_before_anything_starts(tmp_path: Path, wrong: str) -> None:
    launcher = Launcher(tmp_path, "--set", wrong)
    [line] = launcher.run().splitlines()
    assert line.startswith("error: ")
    assert "ORDER_WINDOW_SECONDS" in line
    assert not launcher.data.exists()


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with."""
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(each.split("=", 1) for each in variables if each)


def all_pids(stack: RunningStack) -> list[int]:
    """Every process of a stack."""
    return [pid for pids in stack.pids.values() for pid in pids]


def is_alive(pid: int) -> bool:
    """Whether a process exists."""
    return Path(f"/proc/{pid}").exists()


def is_ready(url: str) -> bool:
    """Whether a service says that it can work."""
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False
