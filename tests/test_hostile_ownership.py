"""Somebody else's order, payment and ticket can be neither seen nor changed."""

from collections.abc import Callable, Iterator

import pytest
from httpx import AsyncClient, Response
from tests.conftest import Launch

from devstack.api_client import ApiClient, SandboxClient
from devstack.running_stack import RunningStack

EDIT = {"title": "Stolen", "price": 1}
NEVER_SEEN = {
    # what is asked, with what body -> how it is refused to another user
    ("PUT", "/api/tickets/{ticket}", "edit"): 403,
    ("GET", "/api/orders/{order}", ""): 403,
    ("DELETE", "/api/orders/{order}", ""): 403,
    ("POST", "/api/payments", "pay"): 403,
    ("GET", "/api/payments/{order}", ""): 403,
    ("PUT", "/api/orders/{order}", "edit"): 405,
    ("PATCH", "/api/orders/{order}", "edit"): 405,
    ("DELETE", "/api/tickets/{ticket}", ""): 405,
    ("DELETE", "/api/payments/{order}", ""): 405,
    ("PUT", "/api/payments/{order}", "edit"): 405,
    ("GET", "/api/orders/{payment}", ""): 404,
    ("GET", "/api/payments/{payment}", ""): 404,
    ("GET", "/api/payments/{ticket}", ""): 404,
}
STATES = ["ordered", "asked by the bank", "paid"]
CARDS = {"asked by the bank": "pm_card_threeDSecure2Required", "paid": "pm_card_visa"}


@pytest.fixture(scope="module")
def stack(launch: Launch) -> Iterator[RunningStack]:
    """A stack of its own, in which nothing expires while we look."""
    with launch("--window", "120") as running:
        yield running


@pytest.fixture
async def stranger(browser: Callable[[], AsyncClient]) -> ApiClient:
    """Somebody who neither sells nor buys."""
    return await ApiClient(browser()).sign_up()


async def everything(seller: ApiClient, buyer: ApiClient, ids: dict[str, str]) -> list[object]:
    """What the owners see of their things."""
    return [
        (await seller.client.get(f"/api/tickets/{ids['ticket']}")).json(),
        (await buyer.client.get(f"/api/orders/{ids['order']}")).json(),
        (await buyer.client.get(f"/api/payments/{ids['order']}")).json(),
    ]


async def ask(who: ApiClient, ids: dict[str, str], method: str, path: str, body: str) -> Response:
    """Ask for what is somebody else's."""
    pay = {"orderId": ids["order"], "token": "pm_card_visa"}
    sent = {"edit": EDIT, "pay": pay}.get(body)
    return await who.client.request(method, path.format(**ids), json=sent)


async def settled(seller: ApiClient, buyer: ApiClient, state: str) -> dict[str, str]:
    """A sale that has come so far and moves no more; the ids of its parts."""
    ticket = await seller.list_ticket()
    order = await buyer.order(ticket)
    await buyer.wait_order_status(order, "awaiting:payment")
    ids = {"ticket": ticket, "order": order, "payment": order[::-1]}
    if card := CARDS.get(state):
        ids["payment"] = (await buyer.pay(order, card)).json()["id"]
    if state == "paid":
        await buyer.wait_order_status(order, "complete")
        await buyer.wait_payment_status(order, "captured")
    return ids


@pytest.mark.parametrize("state", STATES)
async def test_resources_of_others_are_protected(
    seller: ApiClient,
    buyer: ApiClient,
    stranger: ApiClient,
    sandbox_client: SandboxClient,
    state: str,
) -> None:
    ids = await settled(seller, buyer, state)
    before = await everything(seller, buyer, ids), await sandbox_client.intents_of(ids["order"])
    for (method, path, body), status in NEVER_SEEN.items():
        answer = await ask(stranger, ids, method, path, body)
        no_payment_yet = state == "ordered" and path == "/api/payments/{order}" and method == "GET"
        assert answer.status_code in ({403, 404} if no_payment_yet else {status}), (method, path)
        assert list(answer.json()) == ["errors"]
    for path in ("/api/orders?status=all", "/api/tickets?mine=true"):
        assert (await stranger.client.get(path)).json() == []
    assert (
        await everything(seller, buyer, ids),
        await sandbox_client.intents_of(ids["order"]),
    ) == before


async def test_seller_cannot_see_the_order(seller: ApiClient, buyer: ApiClient) -> None:
    ids = await settled(seller, buyer, "paid")
    for path in (f"/api/orders/{ids['order']}", f"/api/payments/{ids['order']}"):
        assert (await seller.client.get(path)).status_code == 403
    assert (await seller.cancel(ids["order"])).status_code == 403


async def test_the_buyer_cannot_change_the_ticket(seller: ApiClient, buyer: ApiClient) -> None:
    ticket_id = await seller.list_ticket()
    assert (await buyer.client.put(f"/api/tickets/{ticket_id}", json=EDIT)).status_code == 403
    await buyer.order(ticket_id)
    assert (await buyer.client.put(f"/api/tickets/{ticket_id}", json=EDIT)).status_code == 403
    assert (await buyer.client.get(f"/api/tickets/{ticket_id}")).json()["title"] == "Concert"


async def test_requests_without_session_are_rejected(
    seller: ApiClient, buyer: ApiClient, browser: Callable[[], AsyncClient]
) -> None:
    ids = await settled(seller, buyer, "paid")
    before = await everything(seller, buyer, ids)
    nobody = ApiClient(browser())
    for (method, path, body), status in NEVER_SEEN.items():
        answer = await ask(nobody, ids, method, path, body)
        assert answer.status_code == (405 if status == 405 else 401), (method, path)
    for path in ("/api/orders", "/api/tickets?mine=true"):
        assert (await nobody.client.get(path)).status_code == 401
    assert await everything(seller, buyer, ids) == before


async def test_an_unsigned_webhook_changes_nothing(
    seller: ApiClient, buyer: ApiClient, sandbox_client: SandboxClient
) -> None:
    ids = await settled(seller, buyer, "asked by the bank")
    event = {"type": "payment_intent.succeeded", "data": {"object": {"metadata": ids}}}
    before = await everything(seller, buyer, ids)
    for signature in ({}, {"Stripe-Signature": "t=1,v1=00"}):
        path = "/api/payments/webhook"
        answer = await seller.client.post(path, json=event, headers=signature)
        assert answer.status_code == 400
    assert await everything(seller, buyer, ids) == before
    assert [intent["captured"] for intent in await sandbox_client.intents_of(ids["order"])] == [0]
