"""Thousands of sessions, signed without a request to the auth service."""

from common.contracts.ids import new_id
from common.web import tokens
from common.web.session import COOKIE
from devstack.running_stack import RunningStack
from devstack.state_file import own_state_file, read_settings

LIFETIME_SECONDS = 3_600


def sign_in(stack: RunningStack, count: int) -> list[dict[str, str]]:
    """The headers of so many different users."""
    key = read_settings(own_state_file(stack.logs.parent))["auth"]["JWT_PRIVATE_KEY"]
    users = (tokens.Principal(new_id(), "somebody@ticketing.test") for _ in range(count))
    return [{"cookie": f"{COOKIE}={tokens.sign(user, key, LIFETIME_SECONDS)}"} for user in users]
