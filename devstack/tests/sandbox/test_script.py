"""What a page of another origin, the client, gets from the sandbox."""

from httpx import AsyncClient

PAGE = {"Origin": "http://127.0.0.1:8080"}
PUBLISHABLE = PAGE | {"Authorization": "Bearer pk_test_sandbox"}


async def test_page_loads_sandbox_stripe_js(web: AsyncClient) -> None:
    answer = await web.get("/v3/", headers=PAGE)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    for name in ("Stripe", "elements", "createPaymentMethod", "handleNextAction"):
        assert name in answer.text


async def test_publishable_key_creates_payment_method(web: AsyncClient) -> None:
    card = {"type": "card", "card[number]": "4242424242424242"}
    answer = await web.post("/v1/payment_methods", data=card, headers=PUBLISHABLE)
    assert answer.json()["id"].startswith("pm_")
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_page_may_send_what_the_script_sends(web: AsyncClient) -> None:
    asks = PAGE | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for path in ("/v1/payment_methods", "/_sandbox/intents/pi_1/authenticate"):
        answer = await web.options(path, headers=asks)
        assert answer.status_code == 200
        assert "authorization" in answer.headers["access-control-allow-headers"]
