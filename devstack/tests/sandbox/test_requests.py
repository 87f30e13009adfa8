"""What every request has in common: its key, its form, its errors."""

import pytest
from httpx import AsyncClient

SECRET_KEY = {"Authorization": "Bearer sk_test_x"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Bearer sk_live_x", "Bearer pk_test_x", "Basic sk_test_x"]
)
async def test_a_wrong_key_is_refused(web: AsyncClient, header: str) -> None:
    answer = await web.get("/v1/payment_intents", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_every_answer_has_an_id_of_its_own(web: AsyncClient) -> None:
    paths = ["/v1/payment_intents", "/v1/payment_intents/pi_nobody", "/v1/nothing"]
    answers = [await web.get(path, headers=SECRET_KEY) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 404, 404]
    assert len({answer.headers["request-id"] for answer in answers}) == 3


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_an_unknown_request_is_refused(web: AsyncClient, method: str) -> None:
    answer = await web.request(method, "/v1/payment_intents", headers=SECRET_KEY)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith("Unrecognized request URL")


@pytest.mark.parametrize(
    "form",
    [
        "",
        "amount[x]=1999&currency=usd",
        "amount=1999&amount[x]=1&currency=usd",
        "amount=%D9%A1%D9%A9%D9%A9%D9%A9&currency=usd",
        "amount=1e3&currency=usd",
        "amount=1999&currency=usd&metadata=x",
        "amount=1999&currency=usd&metadata[a][b]=x",
        "amount=1999&currency=usd&payment_method[]=pm_card_visa",
        "amount=1999&currency=usd&payment_method_data=x",
        "amount=1999&currency=usd&payment_method_data[type]=cash",
        "amount=1999&currency=usd&payment_method_data[type]=card&payment_method_data[card]=x",
        "amount=1999&currency=usd&confirm=perhaps",
        "[]=1",
        "a[b=1",
        "=1",
        '{"amount": 1999}',
    ],
)
async def test_a_malformed_form_is_refused(web: AsyncClient, form: str) -> None:
    answer = await web.post("/v1/payment_intents", content=form, headers=SECRET_KEY | FORM)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"].startswith("parameter_")


async def test_bytes_that_are_no_text_are_refused(web: AsyncClient) -> None:
    answer = await web.post("/v1/refunds", content=b"\xff\xfe", headers=SECRET_KEY | FORM)
    assert answer.status_code == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "starting_after=pi_nobody"])
async def test_a_wrong_page_is_refused(web: AsyncClient, query: str) -> None:
    answer = await web.get(f"/v1/payment_intents?{query}", headers=SECRET_KEY)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0]


async def test_lists_may_be_numbered_or_not(web: AsyncClient) -> None:
    for key in ("payment_method_types[]", "payment_method_types[0]"):
        form = f"amount=1999&currency=usd&{key}=card&expand[]=latest_charge"
        answer = await web.post("/v1/payment_intents", content=form, headers=SECRET_KEY | FORM)
        assert answer.json()["payment_method_types"] == ["card"]
