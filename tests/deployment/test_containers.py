"""The containers run with nothing to spare, stop in time, and give way to new ones unnoticed."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from httpx import AsyncClient
from tests.deployment import engine
from tests.deployment.compose import FILE, containers, load
from tests.load import ContinuousLoad

from common.messaging.streams import DEAD_LETTERS, STREAM
from devstack.api_client import SandboxClient
from devstack.quick import Processes
from devstack.running_stack import System
from devstack.testing import eventually

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

NEXT = "next"
HEARING = ("tickets", "orders", "expiration", "payments")
ROLLED = ("tickets", "orders", "payments")
CONTAINERS = [name for name, _ in containers(load(FILE.read_text())) if name != "tests"]


@pytest.fixture(scope="module")
def stack(processes: Processes) -> Iterator[System]:  # noqa: ARG001 - the engine starts them
    """The compose system without its tests."""
    engine.build("test")
    engine.build(NEXT, *(f"{service}-1" for service in ROLLED))
    try:
        engine.compose("up", "--detach", "--no-build", "--wait", *CONTAINERS)
        gateway, sandbox = engine.address("gateway"), engine.address("sandbox")
        yield System(gateway=f"http://{gateway}:8080", sandbox=f"http://{sandbox}:8420")
    finally:
        engine.compose("down", "--volumes")


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.usefixtures("stack")
def test_a_container_has_no_more_rights_than_it_needs(container: str) -> None:
    known = engine.inspect(container)
    assert known["State"]["Health"]["Status"] == "healthy"
    assert known["HostConfig"]["ReadonlyRootfs"]
    assert known["HostConfig"]["CapDrop"] == ["ALL"]
    assert int(known["Config"]["User"].partition(":")[0]) > 0


def bus() -> dict[str, Any]:
    """The streams with their consumers, as the server shows them."""
    shown = httpx.get(f"http://{engine.address('nats')}:8222/jsz?streams=1&consumers=1").json()
    [account] = [each for each in shown["account_details"] if each["name"] == "TICKETING"]
    return {each["name"]: each for each in account["stream_detail"]}


async def everything_is_heard() -> bool:
    """Whether all events are acknowledged."""
    known = {each["name"]: each for each in bus()[STREAM]["consumer_detail"]}
    consumers = [known[service] for service in HEARING]  # event streams have theirs as well
    return not any(each["num_pending"] or each["num_ack_pending"] for each in consumers)


def images_of(service: str) -> set[str]:
    """The images that its containers run."""
    return {engine.inspect(f"{service}-{n}")["Config"]["Image"] for n in (1, 2)}


@pytest.mark.usefixtures("stack")
async def test_nobody_notices_a_new_image(
    sandbox_client: SandboxClient, browser: Callable[[], AsyncClient]
) -> None:
    # half of this machine starts containers
    traffic = ContinuousLoad(browser, pairs=3, visitors=2)
    async with traffic.running():
        for service in ROLLED:
            for replica in (1, 2):
                replacing = asyncio.to_thread(engine.replace, f"{service}-{replica}", NEXT)
                await asyncio.gather(traffic.wait_for_sales(2), replacing)
            assert images_of(service) == {f"ticketing-{service}:{NEXT}"}
    assert traffic.failures == [], "\n".join(traffic.failures)
    await eventually(everything_is_heard)
    await traffic.wait_settled(sandbox_client)
    assert bus()[DEAD_LETTERS]["state"]["messages"] == 0


@pytest.mark.parametrize("container", [*reversed(CONTAINERS)])
@pytest.mark.usefixtures("stack")
def test_a_container_stops_before_it_would_be_killed(container: str) -> None:
    engine.compose("stop", "--timeout", "10", container)
    state = engine.inspect(container)["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
