"""Selling tickets over HTTP."""

from collections.abc import Callable

from httpx import AsyncClient

from common.contracts.events import TicketCreated
from common.contracts.money import Price
from devstack.testing import Neighbour, Person

Sign = Callable[[], Person]


async def test_listing_a_ticket_announces_it(
    client: AsyncClient, neighbour: Neighbour, sign_in: Sign
) -> None:
    seller = sign_in()
    answer = await client.post(
        "/api/tickets", json={"title": "  Concert ", "price": 19.99}, headers=seller.headers
    )
    assert answer.status_code == 201
    ticket = answer.json()
    assert ticket == {
        "id": ticket["id"],
        "title": "Concert",
        "price": 19.99,
        "userId": seller.id,
        "version": 0,
    }
    assert await neighbour.hears(TicketCreated) == [
        TicketCreated(
            id=ticket["id"], version=0, title="Concert", price=Price(1999), user_id=seller.id
        )
    ]
