"""A whole life of the system, with failures and crashes, leaves nothing secret in any log."""

import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from httpx import AsyncClient, Response

from devstack.api_client import ApiClient, SandboxClient
from devstack.freezing import frozen
from devstack.keys import load_or_create
from devstack.running_stack import RunningStack, launch_stack
from devstack.testing import eventually

PASSWORD = "correct horse"
WRONG = "wrong-password-that-nobody-has"
BEARER = "Bearer-that-nobody-signed"
CARDS = {
    "pm_card_visa": 201,
    "tok_visa": 201,
    "pm_card_visa_chargeDeclined": 402,
    "pm_card_threeDSecure2Required": 202,
    "pm_nobody_knows_this_card": 400,
}


pytestmark = pytest.mark.usefixtures("launch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the launcher's own log is."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[RunningStack]:
    """A stack of its own, whose logs tell of this test alone."""
    with launch_stack(folder, "--window", "120", "--replicas", "payments=2") as running:
        yield running


@pytest.fixture
async def told() -> list[Response]:
    """Every answer that anybody got."""
    return []


@pytest.fixture
async def browser(
    stack: RunningStack, told: list[Response]
) -> AsyncIterator[Callable[[], AsyncClient]]:
    """Opens browsers whose answers are kept."""

    async def keep(answer: Response) -> None:
        await answer.aread()
        told.append(answer)

    async with AsyncExitStack() as open_browsers:

        def make() -> AsyncClient:
            hooks = {"response": [keep]}
            client = AsyncClient(base_url=stack.gateway, timeout=15, event_hooks=hooks)
            open_browsers.push_async_callback(client.aclose)
            return client

        yield make


async def sell_with_every_card(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    """Whole sales: paid, declined, asked by the bank, and with a card that does not exist."""
    for card, status in CARDS.items():
        order_id = await buyer.order(await seller.list_ticket())
        assert (await buyer.pay(order_id, card)).status_code == status
        if status == 202:
            await sandbox_client.authenticate(order_id, success=True)
        if status in {201, 202}:
            await buyer.wait_payment_status(order_id, "captured")


async def sign_in_wrong_and_right(person: ApiClient) -> None:
    """With a password that is wrong, for an account that does not exist, and then right."""
    who = (await person.client.get("/api/users/currentuser")).json()["currentUser"]
    right = {"email": who["email"], "password": PASSWORD}
    for body in ({**right, "password": WRONG}, {**right, "email": f"x{who['email']}"}, right):
        await person.client.post("/api/users/signin", json=body)
    again = await person.client.post("/api/users/signup", json=right)
    assert again.status_code == 409


async def send_what_is_wrong(person: ApiClient) -> None:
    """Secrets where none belong: in queries, headers and bodies of all kinds."""
    ask = person.client.request
    session = person.client.cookies["session"]
    for path in ("/api/tickets", "/api/users/signin", "/api/payments/webhook", "/api/nothing"):
        headers = {"Authorization": f"Bearer {BEARER}", "Referer": f"http://x/?{WRONG}"}
        headers |= {"Stripe-Signature": f"t=1,v1={WRONG}", "X-Request-Id": WRONG}
        query = {"session": session, "password": WRONG}
        await ask("GET", path, params=query, headers=headers)
        await ask("POST", path, params=query, headers=headers, json={"password": WRONG})
        await ask("POST", path, content=f'{{"password": "{WRONG}", ')
        await ask("POST", path, content=WRONG.encode() * 4_000)


async def crash(stack: RunningStack, name: str) -> None:
    """Kill a process and wait until there is another one."""
    [old, *_] = stack.now().pids[name]
    os.kill(old, signal.SIGKILL)

    async def replaced() -> bool:
        return old not in stack.now().pids[name]

    await eventually(replaced, f"{name} is started again")


async def freeze_the_database(stack: RunningStack, person: ApiClient) -> None:
    """MongoDB has the connections, but does not answer until the requests have given up."""
    [pid] = stack.now().pids["mongod"]
    with frozen(pid):
        body = {"email": "frozen@ticketing.test", "password": PASSWORD}
        for way in ("signin", "signup"):
            answer = await person.client.post(f"/api/users/{way}", json=body)
            assert answer.status_code == 503


def secrets_of(stack: RunningStack, told: list[Response]) -> set[str]:
    """Everything that was sent, given or kept and concerns nobody else."""
    keys = load_or_create(stack.logs.parent / "keys")
    private = "".join(keys.session_keys.private_pem.splitlines()[1:-1])
    secrets = {PASSWORD, WRONG, BEARER, private, keys.webhook_secret, "sk_test_sandbox"}
    secrets |= {*CARDS, "frozen@ticketing.test"} | {"argon2id$"}
    for answer in told:
        sent = answer.request.content.decode(errors="replace")
        texts = f"{sent} {answer.text}"
        secrets |= set(re.findall(r"[\w.]+@ticketing\.test", texts))
        secrets |= set(re.findall(r'"clientSecret":"(\w+)"', texts))
        secrets |= {answer.cookies["session"]} if "session" in answer.cookies else set()
    return secrets


def kinds_of(secrets: set[str]) -> dict[str, int]:
    """How many secrets there are of those that answers brought."""
    return {
        "e-mails": sum("@" in secret for secret in secrets),
        "sessions": sum(secret.startswith("eyJ") for secret in secrets),
        "client secrets": sum("_secret_" in secret for secret in secrets),
    }


def without_banner(console: str) -> str:
    """What the launcher said, less the lines that tell people which test cards there are."""
    return "\n".join(line for line in console.splitlines() if not line.startswith("  "))


def found_in(logs: dict[str, str], secrets: set[str]) -> list[tuple[str, str]]:
    """Which log has which secret."""
    return [(name, secret) for name, text in logs.items() for secret in secrets if secret in text]


async def test_no_log_has_a_secret_or_an_address(
    stack: RunningStack,
    folder: Path,
    seller: ApiClient,
    buyer: ApiClient,
    sandbox_client: SandboxClient,
    told: list[Response],
) -> None:
    await sell_with_every_card(seller, buyer, sandbox_client)
    for person in (seller, buyer):
        await sign_in_wrong_and_right(person)
    await send_what_is_wrong(buyer)
    await freeze_the_database(stack, buyer)
    for name in ("payments", "auth", "nats", "mongod"):
        await crash(stack, name)

    async def sold() -> bool:
        answer = await seller.client.post("/api/tickets", json={"title": "Opera", "price": 20})
        return answer.status_code == 201

    await eventually(sold)
    await sell_with_every_card(seller, buyer, sandbox_client)

    secrets = secrets_of(stack, told)
    logs = {file.name: file.read_text(errors="replace") for file in stack.logs.iterdir()}
    logs["console"] = without_banner((folder / "launcher.log").read_text())
    assert found_in(logs, secrets) == []

    collected = kinds_of(secrets)  # two sessions begun in one second are one token
    assert collected["e-mails"] >= 5
    assert collected["sessions"] >= 2
    assert collected["client secrets"] >= 1
    for secret in secrets:
        assert ("planted", secret) in found_in({"planted": f"password={secret}."}, secrets)
    for written in ("auth.log", "payments-1.log", "mongod.log", "nats.log", "gateway-access.log"):
        assert len(logs[written].splitlines()) > 5, written
    assert "/api/users/signin" in logs["gateway-access.log"]
    assert "POST /api/users/signin 401" in logs["auth.log"]
