"""What survives a restart, with a ledger file and the command line."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import StripeClient

from devstack.plan import http_url
from devstack.ports import free_port
from devstack.process import Process
from devstack.quick import Processes
from devstack.sandbox.program import sandbox_process
from devstack.testing import TIMEOUT_SECONDS, eventually

Sdk = Callable[[str], AbstractAsyncContextManager[StripeClient]]
HOLD: Any = {"amount": 1999, "currency": "usd", "capture_method": "manual"}
CARD: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2099, "cvc": "123"}


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    """Where the sandbox keeps everything."""
    return tmp_path / "kept" / "ledger.json"


@pytest.fixture
def port() -> int:
    """Where the sandbox listens."""
    return free_port()


@pytest.fixture
def sandbox(
    processes: Processes, tmp_path: Path, ledger_file: Path, port: int
) -> Iterator[Process]:
    """A sandbox to be stopped and killed."""
    deaf = f"{http_url(free_port())}/"
    process = sandbox_process(port, deaf, "whsec_unheard", tmp_path / "log", ledger_file)
    with processes.running(process):
        yield process


async def test_everything_survives_a_crash(
    sandbox: Process, sdk: Sdk, port: int, ledger_file: Path
) -> None:
    async with AsyncClient(base_url=http_url(port)) as web, sdk(http_url(port)) as api:
        intents = api.v1.payment_intents
        token = await api.v1.tokens.create_async({"card": CARD})
        method = await api.v1.payment_methods.create_async(
            {"type": "card", "card": {"token": token.id}}
        )
        done = await intents.create_async(HOLD | {"payment_method": method.id, "confirm": True})
        await intents.capture_async(done.id)
        held = await intents.create_async(HOLD | {"payment_method": method.id, "confirm": True})
        before = (await web.get("/_sandbox/ledger")).json()
        sandbox.kill()
        with ledger_file.open("a") as file:
            file.write('{"intents": [{"amo')  # as far as the crash let it come
        sandbox.start()
        assert (await web.get("/_sandbox/ledger")).json() == before
        assert (await intents.retrieve_async(held.id)).to_dict() == held.to_dict()
        assert (await intents.capture_async(held.id)).status == "succeeded"
        assert (await api.v1.payment_methods.retrieve_async(method.id)).id == method.id
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await api.v1.payment_methods.create_async({"type": "card", "card": {"token": token.id}})
        assert refused.value.code == "token_already_used"


async def test_answers_are_repeated_after_a_crash(sandbox: Process, sdk: Sdk, port: int) -> None:
    async with AsyncClient(base_url=http_url(port)) as web, sdk(http_url(port)) as api:
        intents = api.v1.payment_intents
        made = await intents.create_async(HOLD, {"idempotency_key": "create"})
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await intents.capture_async(made.id, options={"idempotency_key": "capture"})
        sandbox.kill()
        sandbox.start()
        assert (await intents.create_async(HOLD, {"idempotency_key": "create"})).id == made.id
        with pytest.raises(stripe.InvalidRequestError) as again:
            await intents.capture_async(made.id, options={"idempotency_key": "capture"})
        assert again.value.http_body == refused.value.http_body
        with pytest.raises(stripe.IdempotencyError):
            await intents.create_async(HOLD | {"amount": 1}, {"idempotency_key": "create"})
        assert len((await web.get("/_sandbox/ledger")).json()) == 1


async def test_request_interrupted_by_crash_can_be_repeated(
    sandbox: Process, sdk: Sdk, port: int
) -> None:
    fault = {"operation": "create", "kind": "delay", "seconds": 60}
    async with AsyncClient(base_url=http_url(port)) as web, sdk(http_url(port)) as api:
        create = api.v1.payment_intents.create_async
        await web.post("/_sandbox/faults", json=fault)
        interrupted = asyncio.create_task(create(HOLD, {"idempotency_key": "k"}))

        async def begun() -> bool:
            return (await web.get("/_sandbox/faults")).text == "[]"

        await eventually(begun)
        sandbox.kill()
        with pytest.raises(stripe.APIConnectionError):
            await interrupted
        sandbox.start()
        await create(HOLD, {"idempotency_key": "k"})
        assert len((await web.get("/_sandbox/ledger")).json()) == 1


async def test_a_stopped_sandbox_ends_in_order(sandbox: Process, sdk: Sdk, port: int) -> None:
    async with sdk(http_url(port)) as api:
        await api.v1.payment_intents.create_async(HOLD)
    sandbox.stop(TIMEOUT_SECONDS)
    assert sandbox.exit_code in {0, -15}  # uvicorn raises the signal again once all is closed
    assert "Traceback" not in sandbox.last_lines()
