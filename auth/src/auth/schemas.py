"""Request and response bodies."""

from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from common.contracts.events import WireModel
from common.web.bodies import ErrorMessage, RequestBody

# People develop and test with addresses like me@shop.test; the library's documented switch.
SPECIAL_USE_DOMAIN_NAMES.clear()


def _address(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=128)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class SignUp(RequestBody):
    """The request to open an account."""

    email: Annotated[Email, ErrorMessage("Email must be valid")]
    password: Annotated[NewPassword, ErrorMessage("Password must be between 8 and 128 characters")]


class SignIn(RequestBody):
    """The request to open a session."""

    email: Annotated[Email, ErrorMessage("Email must be valid")]
    password: Annotated[Password, ErrorMessage("You must supply a password")]


class UserOut(WireModel):
    """A user."""

    id: str
    email: str


class CurrentUserOut(WireModel):
    """The user of the session; null without one."""

    current_user: UserOut | None


class Empty(WireModel):
    """An empty object."""
