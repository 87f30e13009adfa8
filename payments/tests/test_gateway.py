"""The gateway before two servers that behave like Stripe: ours, and one that others wrote."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from fastapi import FastAPI, Request, Response
from httpx import AsyncClient

from common.contracts.ids import new_id
from devstack.ports import LOOPBACK, free_port
from devstack.probes import answers_ok
from devstack.process import Process, Program
from devstack.quick import Processes
from devstack.sandbox.dashboard import StripeDashboard
from devstack.testing import serving
from payments.domain import UnknownCard
from payments.gateway import StripeFailure, StripeGateway
from payments.intent import IntentStatus
from payments.retry import FailureKind

APART = Path(sys.prefix) / "localstripe"
"""Where `make install` puts the other one, so that no service meets what it brings."""

DECLINES = "pm_card_chargeCustomerFail"  # the one that both servers know as declining


def translation(upstream: AsyncClient) -> FastAPI:
    """Localstripe knows an older name of one parameter; everything else passes unchanged."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def forward(request: Request) -> Response:
        form = parse_qsl((await request.body()).decode())
        renamed = [(key.replace("allowed_payment", "payment"), value) for key, value in form]
        answer = await upstream.request(
            request.method,
            request.url.path,
            content=urlencode(renamed) if renamed else None,
            headers={
                "Authorization": request.headers["authorization"],
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    return app


@pytest.fixture(scope="session")
def localstripe_url(
    processes: Processes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The server that others wrote."""
    port, log = free_port(), tmp_path_factory.mktemp("localstripe") / "localstripe.log"
    command = (sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch")
    ready, apart = answers_ok(port, "/js.stripe.com/v3/"), {"PYTHONPATH": str(APART)}
    with processes.running(Process(Program("localstripe", command, log, ready, apart))):
        yield f"http://{LOOPBACK}:{port}"


@pytest.fixture(params=["sandbox", "localstripe"])
async def gateway(
    request: pytest.FixtureRequest,
    processes: Processes,  # noqa: ARG001 - both are
) -> AsyncIterator[StripeGateway]:
    """The gateway before either of them."""
    async with AsyncExitStack() as stack:
        url: str = request.getfixturevalue(f"{request.param}_url")
        if request.param == "localstripe":
            upstream = await stack.enter_async_context(AsyncClient(base_url=url))
            url = await stack.enter_async_context(serving(translation(upstream)))
        gateway = StripeGateway("sk_test_sandbox", "whsec_of_these_tests", url)
        stack.push_async_callback(gateway.close)
        yield gateway


@pytest.fixture
async def before_sandbox(sandbox_url: str) -> AsyncIterator[StripeGateway]:
    """The gateway before ours, for what the other server lacks."""
    gateway = StripeGateway("sk_test_sandbox", "whsec_of_these_tests", sandbox_url)
    yield gateway
    await gateway.close()


async def test_an_amount_is_held_and_captured(gateway: StripeGateway) -> None:
    intent = await gateway.create(new_id(), 1999, "pm_card_visa", new_id())
    assert intent.status is IntentStatus.REQUIRES_CONFIRMATION
    held = await gateway.confirm(intent.id, new_id())
    assert held.status is IntentStatus.REQUIRES_CAPTURE
    assert (await gateway.retrieve(intent.id)).status is IntentStatus.REQUIRES_CAPTURE
    taken = await gateway.capture(intent.id, new_id())
    assert taken.status is IntentStatus.SUCCEEDED
    assert (await gateway.retrieve(intent.id)).status is IntentStatus.SUCCEEDED


async def test_a_hold_is_released(gateway: StripeGateway) -> None:
    intent = await gateway.create(new_id(), 1999, "pm_card_visa", new_id())
    await gateway.confirm(intent.id, new_id())
    assert (await gateway.cancel(intent.id, new_id())).status is IntentStatus.CANCELED
    assert (await gateway.capture(intent.id, new_id())).status is IntentStatus.CANCELED


async def test_a_declined_card_is_told_by_the_intent(gateway: StripeGateway) -> None:
    intent = await gateway.create(new_id(), 1999, DECLINES, new_id())
    declined = await gateway.confirm(intent.id, new_id())
    assert declined.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert (await gateway.cancel(intent.id, new_id())).status is IntentStatus.CANCELED


async def test_a_step_that_comes_too_late_changes_nothing(gateway: StripeGateway) -> None:
    intent = await gateway.create(new_id(), 1999, "pm_card_visa", new_id())
    await gateway.confirm(intent.id, new_id())
    await gateway.capture(intent.id, new_id())
    for late in (gateway.confirm, gateway.capture, gateway.cancel):
        assert (await late(intent.id, new_id())).status is IntentStatus.SUCCEEDED


async def test_captured_amount_is_refunded(gateway: StripeGateway) -> None:
    intent = await gateway.create(new_id(), 1999, "pm_card_visa", new_id())
    await gateway.confirm(intent.id, new_id())
    await gateway.capture(intent.id, new_id())
    for _ in range(2):  # the second time there is nothing left
        assert (await gateway.refund(intent.id, new_id())).status is IntentStatus.REFUNDED


async def test_uncaptured_intent_cannot_be_refunded(before_sandbox: StripeGateway) -> None:
    intent = await before_sandbox.create(new_id(), 1999, "pm_card_visa", new_id())
    with pytest.raises(StripeFailure) as refused:
        await before_sandbox.refund(intent.id, new_id())
    assert refused.value.kind is FailureKind.REJECTED


async def test_a_refused_step_says_why(before_sandbox: StripeGateway) -> None:
    intent = await before_sandbox.create(new_id(), 1999, "pm_card_visa", new_id())
    refused = await before_sandbox.capture(intent.id, new_id())
    assert refused.status is IntentStatus.REQUIRES_CONFIRMATION
    assert refused.refusal == "payment_intent_unexpected_state"


async def test_unknown_intent_is_rejected(gateway: StripeGateway) -> None:
    for step in (gateway.retrieve("pi_nobody"), gateway.capture("pi_nobody", new_id())):
        with pytest.raises(StripeFailure) as refused:
            await step
        assert refused.value.kind is FailureKind.REJECTED


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        ("drop_answer", FailureKind.NO_ANSWER),
        ("conflict", FailureKind.NO_ANSWER),
        ("error", FailureKind.SERVER_ERROR),
        ("refuse", FailureKind.REJECTED),
    ],
)
async def test_every_kind_of_trouble_has_its_name(
    before_sandbox: StripeGateway, dashboard: StripeDashboard, kind: str, trouble: FailureKind
) -> None:
    await dashboard.inject_fault("create", kind)
    with pytest.raises(StripeFailure) as troubled:
        await before_sandbox.create(new_id(), 1999, "pm_card_visa", new_id())
    assert troubled.value.kind is trouble


async def test_wrong_api_key_is_retried_until_corrected(sandbox_url: str) -> None:
    gateway = StripeGateway("sk_wrong", "whsec_of_these_tests", sandbox_url)
    with pytest.raises(StripeFailure) as troubled:
        await gateway.retrieve("pi_1")
    assert troubled.value.kind is FailureKind.NO_ANSWER
    await gateway.close()


async def test_an_unknown_card_is_refused(gateway: StripeGateway) -> None:
    with pytest.raises(UnknownCard):
        await gateway.create(new_id(), 1999, "pm_nobody_knows", new_id())
