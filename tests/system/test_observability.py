"""What the running services export is what the dashboard, the alerts and the manual speak of."""

import re
from collections.abc import Iterator
from operator import gt
from pathlib import Path

import pytest
from httpx import AsyncClient
from tests.deployment import monitoring

from devstack.api_client import ApiClient
from devstack.running_stack import RunningStack, System
from devstack.scraping import names_in, samples_in
from devstack.testing import eventually

ON_THE_BUS = {"tickets", "orders", "expiration", "payments"}
MANUAL = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()

Pages = dict[str, list[str]]


SEEN = [
    ("tickets", "events_processed_total", "order:created", "handled"),
    ("orders", "events_published_total", "order:completed", "stored"),
    ("orders", "request_seconds_count", "POST", "/api/orders"),
    ("expiration", "handler_seconds_count", "order:created"),
    ("payments", "payments_total", "captured"),
]
"""What services count of a sale, each in its own time."""


def total(pages: Pages, service: str, name: str, *labels: str) -> float:
    """What all replicas of a service have counted together."""
    key = (name, frozenset(labels))
    return sum(samples_in(page).get(key, 0) for page in pages[service])


@pytest.fixture
async def pages(launched: RunningStack, seller: ApiClient, buyer: ApiClient) -> Pages:
    """What each replica of each service says after a sale."""
    before = [total(await scraped(launched), *what) for what in SEEN]
    order_id = await buyer.order(await seller.list_ticket())
    await buyer.pay(order_id)
    await buyer.wait_payment_status(order_id, "captured")

    async def counted() -> bool:
        after = [total(await scraped(launched), *what) for what in SEEN]
        return all(map(gt, after, before))

    await eventually(counted, "every service has counted the sale")
    return await scraped(launched)


async def scraped(stack: RunningStack) -> Pages:
    """What each replica of each service says."""
    said: Pages = {}
    for service, doors in stack.services.items():
        for door in doors:
            async with AsyncClient(base_url=door) as client:
                answer = await client.get("/metrics")
            assert answer.headers["content-type"].startswith("text/plain")
            said.setdefault(service, []).append(answer.text)
    return said


def exported(pages: Pages) -> dict[str, set[str]]:
    """All names of samples, with the names of their labels."""
    found: dict[str, set[str]] = {}
    for page in (page for of_service in pages.values() for page in of_service):
        for name, labels in monitoring.exported_by(page).items():
            found.setdefault(name, set()).update(labels)
    return found


async def test_every_replica_tells_of_itself_and_its_servers(pages: Pages) -> None:
    assert pages.keys() == ON_THE_BUS | {"auth"}
    for service, of_service in pages.items():
        servers = {"mongodb", "nats"} if service in ON_THE_BUS else {"mongodb"}
        for page in of_service:
            samples = samples_in(page)
            answers = {frozenset({server}): 1.0 for server in servers}
            said = {labels: it for (name, labels), it in samples.items() if "answers" in name}
            assert said == answers, service


async def test_a_sale_is_seen_in_every_service(pages: Pages) -> None:
    assert total(pages, "auth", "requests_total", "POST", "/api/users/signup", "201") >= 2
    for service, name, *labels in SEEN:
        assert total(pages, service, name, *labels) >= 1


async def test_the_gateway_does_not_lead_to_metrics(stack: System) -> None:
    async with AsyncClient(base_url=stack.gateway) as anybody:
        answer = await anybody.get("/metrics")
        assert (answer.status_code, "ticketing_" in answer.text) == (200, False)
        assert "text/html" in answer.headers["content-type"]
        for service in ("users", "tickets", "orders", "payments"):
            hidden = await anybody.get(f"/api/{service}/metrics")
            assert "ticketing_" not in hidden.text
            assert hidden.status_code in {401, 404}


async def test_dashboard_and_alerts_ask_for_what_there_is(pages: Pages) -> None:
    assert monitoring.asked_in_vain(exported(pages), monitoring.expressions()) == []


@pytest.mark.parametrize(
    "misspelt",
    [
        "ticketing_request_total",
        "rate(ticketing_requests[5m])",
        'ticketing_requests_total{code="500"}',
        'sum by (service) (rate(ticketing_requests_total{route="/", outcome="x"}[5m])) > 1',
        "histogram_quantile(0.9, ticketing_request_seconds_buckets)",
    ],
)
async def test_unexported_metric_is_found(pages: Pages, misspelt: str) -> None:
    def asked() -> Iterator[tuple[str, str]]:
        yield "alert planted", misspelt

    assert len(monitoring.asked_in_vain(exported(pages), asked())) == 1


async def test_the_manual_lists_every_metric(pages: Pages) -> None:
    documented = set(re.findall(r"^\| `(ticketing_\w+)`", MANUAL, re.MULTILINE))
    told = set[str]()
    for page in (page for of_service in pages.values() for page in of_service):
        told |= {name for name, type_ in names_in(page).items() if type_ != "unknown"}
    assert documented == told


def test_every_alert_is_in_the_manual() -> None:
    documented = re.findall(r"^\| `([A-Z]\w+)` \|", MANUAL, re.MULTILINE)
    assert documented == [rule["alert"] for rule in monitoring.alert_rules()]
