"""Which service answers which paths, as the browser sees them; the ingress says the same."""

from typing import Final

# A prefix covers itself and everything below it, by whole path elements.
ROUTES: Final = {
    "/api/users": "auth",
    "/api/tickets": "tickets",
    "/api/orders": "orders",
    "/api/payments": "payments",
}


def route_lines() -> str:
    """The table as the Caddyfile reads it; where each service is, the environment says."""
    return "".join(
        f"import service {service} {prefix} {{${addresses_variable(service)}}}\n"
        for prefix, service in ROUTES.items()
    )


def addresses_variable(service: str) -> str:
    """The variable with the addresses of a service's replicas, separated by blanks."""
    return f"{service.upper()}_ADDRESSES"


if __name__ == "__main__":
    print(route_lines(), end="")  # noqa: T201 - for the image of the gateway
