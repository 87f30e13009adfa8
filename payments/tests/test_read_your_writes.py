"""An order that nobody has heard of: it does not exist, or its event is still on its way."""

from httpx import AsyncClient, Response

from common.messaging.watermark import WATERMARK_DELAY
from devstack.owner import id_created_ago, run_owner
from devstack.servers import NatsServer
from devstack.testing import Session, eventually


async def pay(client: AsyncClient, buyer: Session, order_id: str) -> Response:
    """Press Pay."""
    return await client.post(
        "/api/payments", json={"orderId": order_id, "token": "tok_visa"}, headers=buyer.headers
    )


async def test_while_the_bus_is_silent_nobody_knows(
    client: AsyncClient, buyer: Session, nats_server: NatsServer
) -> None:
    nats_server.kill()
    answer = await pay(client, buyer, id_created_ago(6))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


async def test_unknown_order_is_404(client: AsyncClient, buyer: Session, nats_url: str) -> None:
    async with run_owner(nats_url, "orders"):

        async def is_known() -> bool:
            age = WATERMARK_DELAY.total_seconds() + 5
            return (await pay(client, buyer, id_created_ago(age))).status_code == 404

        await eventually(is_known)
        assert (await pay(client, buyer, id_created_ago(3600))).status_code == 404


async def test_unpublished_id_may_exist(client: AsyncClient, buyer: Session, nats_url: str) -> None:
    async with run_owner(nats_url, "orders"):

        async def is_known() -> bool:
            return (await pay(client, buyer, id_created_ago(3600))).status_code == 404

        await eventually(is_known)
        assert (await pay(client, buyer, id_created_ago(6))).status_code == 503
