"""Clients for tests: of the API, through the gateway, and of the Stripe sandbox."""

from collections import defaultdict

from httpx import AsyncClient, Response

from common.contracts.ids import new_id
from devstack.testing import eventually


class ApiClient:
    """A user of the API, with a cookie jar."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client

    async def sign_up(self) -> "ApiClient":
        """Open an account; the session stays in the cookie jar."""
        body = {"email": f"{new_id()}@ticketing.test", "password": "correct horse"}
        answer = await self.client.post("/api/users/signup", json=body)
        assert answer.status_code == 201, answer.text
        return self

    async def list_ticket(self, price: float | str = 19.99, title: str = "Concert") -> str:
        """List a ticket for sale; returns its id."""
        answer = await self.client.post("/api/tickets", json={"title": title, "price": price})
        assert answer.status_code == 201, answer.text
        ticket_id: str = answer.json()["id"]
        return ticket_id

    async def order(self, ticket_id: str) -> str:
        """Order a ticket; returns the order's id."""
        answer = await self.post_order(ticket_id)
        assert answer.status_code == 201, answer.text
        order_id: str = answer.json()["id"]
        return order_id

    async def post_order(self, ticket_id: str) -> Response:
        """Try to order a ticket."""
        return await self.client.post("/api/orders", json={"ticketId": ticket_id})

    async def pay(self, order_id: str, card: str = "pm_card_visa") -> Response:
        """Pay with one of Stripe's test cards."""
        return await self.client.post("/api/payments", json={"orderId": order_id, "token": card})

    async def cancel(self, order_id: str) -> Response:
        """Cancel the order."""
        return await self.client.delete(f"/api/orders/{order_id}")

    async def wait_order_status(self, order_id: str, status: str) -> dict[str, object]:
        """Wait until the order has the status; returns the order."""

        async def there() -> bool:
            return (await self._get(f"/api/orders/{order_id}"))["status"] == status

        await eventually(there, f"order {order_id} becomes {status}")
        return await self._get(f"/api/orders/{order_id}")

    async def wait_payment_status(self, order_id: str, status: str) -> None:
        """Wait until the payment has the status."""

        async def there() -> bool:
            return (await self._get(f"/api/payments/{order_id}"))["status"] == status

        await eventually(there, f"payment of {order_id} becomes {status}")

    async def wait_ticket_free(self, ticket_id: str) -> None:
        """Wait until no order holds the ticket."""

        async def free() -> bool:
            return "orderId" not in await self._get(f"/api/tickets/{ticket_id}")

        await eventually(free, f"ticket {ticket_id} becomes free")

    async def wait_ticket_held(self, ticket_id: str, order_id: str) -> None:
        """Wait until the order holds the ticket."""

        async def held() -> bool:
            return (await self._get(f"/api/tickets/{ticket_id}")).get("orderId") == order_id

        await eventually(held, f"ticket {ticket_id} is held by {order_id}")

    async def _get(self, path: str) -> dict[str, object]:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found


class SandboxClient:
    """A client of the Stripe sandbox: its ledger, and its faults."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def intents_of(self, order_id: str) -> list[dict[str, object]]:
        """The intents of one order."""
        return (await self.intents_by_order())[order_id]

    async def intents_by_order(self) -> defaultdict[str, list[dict[str, object]]]:
        """The intents of every order."""
        orders = defaultdict[str, list[dict[str, object]]](list)
        for intent in (await self._client.get("/_sandbox/ledger")).json():
            orders[intent["orderId"]].append(intent)
        return orders

    async def authenticate(self, order_id: str, *, success: bool) -> None:
        """Complete 3-D Secure in the buyer's place."""
        [intent] = await self.intents_of(order_id)
        path = f"/_sandbox/intents/{intent['intent']}/authenticate"
        answer = await self._client.post(path, json={"success": success})
        assert answer.is_success, answer.text

    async def inject_fault(self, operation: str, kind: str) -> None:
        """Make the next call of one operation fail."""
        fault = {"operation": operation, "kind": kind, "times": 1}
        answer = await self._client.post("/_sandbox/faults", json=fault)
        assert answer.is_success, answer.text
