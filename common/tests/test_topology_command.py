"""`python -m common.topology`: what an operator types, and what keeps the bus as declared."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy, StreamConfig

from common.contracts.subscriptions import SUBSCRIPTIONS
from common.messaging.streams import DEAD_LETTERS, STREAM
from devstack.jetstream import delete_all_streams
from devstack.process import Process, Program
from devstack.quick import Processes
from devstack.servers import NatsServer
from devstack.testing import eventually

COMMAND = (sys.executable, "-m", "common.topology")


class Answer(NamedTuple):
    """How the command ended, and what it said."""

    code: int
    out: str
    err: str


async def run(url: str, *arguments: str, **variables: str) -> Answer:
    """The command, as a person would run it."""
    ended = await asyncio.to_thread(
        subprocess.run,
        [*COMMAND, *arguments],
        env={"NATS_URL": url, "LOG_LEVEL": "ERROR", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def bare_url(nats_url: str, nats_server: NatsServer) -> str:
    """The address of a server on which nothing is declared."""
    delete_all_streams(nats_server.port)
    return nats_url


async def test_apply_makes_what_check_misses(bare_url: str) -> None:
    missing = await run(bare_url, "check")
    assert missing.code == 1
    assert missing.out.splitlines()[:3] == [
        "add stream ticketing",
        "add stream ticketing-dead-letters",
        "add consumer tickets",
    ]
    assert await run(bare_url, "apply") == Answer(0, missing.out, "")
    for command in ("check", "apply"):
        assert await run(bare_url, command) == Answer(0, "the topology is as declared\n", "")


async def test_only_prune_takes_subjects_away(bare_url: str, jetstream: JetStreamContext) -> None:
    await run(bare_url, "apply")
    config = (await jetstream.stream_info(STREAM)).config
    wider = config.evolve(subjects=[*(config.subjects or []), "of:tomorrow"])
    await jetstream.update_stream(wider)
    assert (await run(bare_url, "check")).code == 0
    await run(bare_url, "apply")
    assert "of:tomorrow" in ((await jetstream.stream_info(STREAM)).config.subjects or [])
    pruned = await run(bare_url, "apply", "--prune")
    assert pruned.out.startswith("update stream ticketing: subjects ")
    assert "of:tomorrow" not in ((await jetstream.stream_info(STREAM)).config.subjects or [])


async def test_a_change_that_nats_refuses_is_reported(
    bare_url: str, jetstream: JetStreamContext
) -> None:
    await run(bare_url, "apply")
    await jetstream.delete_consumer(STREAM, "orders")
    await jetstream.add_consumer(
        STREAM, ConsumerConfig(durable_name="orders", deliver_policy=DeliverPolicy.NEW)
    )
    await run(bare_url, "apply")
    kept = "update consumer orders: deliver_policy all (NATS keeps it as it is)"
    assert await run(bare_url, "check") == Answer(0, f"{kept}\n", "")
    again = f"{kept}: NATS refuses: deliver policy can not be updated (10012)\n"
    assert await run(bare_url, "apply") == Answer(0, again, "")


Refusing = Callable[[Sequence[str]], NatsServer]


@pytest.fixture
def refusing(processes: Processes, tmp_path: Path) -> Iterator[Refusing]:
    """Starts a server with a configuration of its own."""
    with ExitStack() as started:

        def start(lines: Sequence[str]) -> NatsServer:
            config = tmp_path / "nats.conf"
            config.write_text("\n".join(lines))
            server = NatsServer(tmp_path / "files", tmp_path / "nats.log", config=config)
            return started.enter_context(processes.running(server))

        yield start


MAY_NOT = """
authorization: { users: [
    { user: me, password: secret, permissions: { publish: { deny: "$JS.API.STREAM.CREATE.>" } } }
] }
no_auth_user: me
"""
NO_JETSTREAM = "accounts { plain: { users: [{ user: me, password: secret }] } }\nno_auth_user: me"


@pytest.mark.parametrize(
    ("lines", "variables", "said"),
    [
        ([], {"STREAM_REPLICAS": "3"}, "replicas > 1 not supported in non-clustered mode (10074)"),
        ([NO_JETSTREAM], {}, "JetStream not enabled for account (10039)"),
        ([MAY_NOT], {}, 'permissions violation for publish to "$js.api.stream'),
    ],
)
async def test_a_refusal_quotes_nats(
    refusing: Refusing, lines: Sequence[str], variables: dict[str, str], said: str
) -> None:
    answer = await run(refusing(lines).url, "apply", **variables)
    assert (answer.code, answer.out) == (1, "")
    assert said.lower() in answer.err.lower()


async def test_a_subject_of_another_stream_quotes_nats(
    bare_url: str, jetstream: JetStreamContext
) -> None:
    await jetstream.add_stream(StreamConfig(name="mine", subjects=["order:created"]))
    answer = await run(bare_url, "apply")
    assert answer.code == 1
    assert "subjects overlap with an existing stream (10065)" in answer.err


async def test_no_server_is_told() -> None:
    answer = await run("nats://127.0.0.1:1", "check")
    assert answer.code == 1
    assert answer.err.startswith("error: not connected to NATS: ")
    assert "Connect call failed" in answer.err


def test_wrong_settings_are_told() -> None:
    ended = subprocess.run(  # noqa: S603 (the command is ours)
        [*COMMAND, "check"],
        env={"STREAM_REPLICAS": "6"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()] == [
        "Configuration is wrong",
        "  NATS_URL",
        "  STREAM_REPLICAS",
    ]


@pytest.fixture
def keeper(processes: Processes, bare_url: str, tmp_path: Path) -> Iterator[Process]:
    """`keep`, as a process of its own."""
    log = tmp_path / "topology.log"
    variables = {"NATS_URL": bare_url, "LOG_FORMAT": "text"}
    process = Process(Program("topology", (*COMMAND, "keep"), log, lambda: True, variables))
    with processes.running(process):
        yield process


async def test_keep_makes_again_what_is_deleted(
    keeper: Process, jetstream: JetStreamContext, nats_server: NatsServer
) -> None:
    async def all_there() -> bool:
        try:
            streams = {info.config.name for info in await jetstream.streams_info()}
            consumers = {info.name for info in await jetstream.consumers_info(STREAM)}
        except NatsError:  # while there is no stream, or no server
            return False
        return (streams, consumers) == ({STREAM, DEAD_LETTERS}, set(SUBSCRIPTIONS))

    await eventually(all_there)
    await jetstream.delete_consumer(STREAM, "orders")
    await eventually(all_there)
    delete_all_streams(nats_server.port)
    await eventually(all_there)
    nats_server.kill()
    nats_server.start()
    delete_all_streams(nats_server.port)
    await eventually(all_there)
    keeper.stop()
    assert keeper.exit_code == 0
    assert "Traceback" not in keeper.program.log.read_text()
