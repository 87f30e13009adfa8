"""Which service answers which paths, as the browser sees them; the ingress says the same."""

from typing import Final

# A prefix covers itself and everything below it, by whole path elements.
ROUTES: Final = {
    "/api/users": "auth",
    "/api/tickets": "tickets",
    "/api/orders": "orders",
    "/api/payments": "payments",
}
