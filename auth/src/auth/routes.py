"""HTTP routes of the auth service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from auth.domain import InvalidCredentials, User
from auth.passwords import hash_password, hashing_slot, verify_password
from auth.repository import UserRepository
from auth.schemas import CurrentUserOut, Empty, SignIn, SignUp, UserOut
from auth.settings import Settings
from auth.throttle import Throttle
from common.web import tokens
from common.web.bodies import JsonRoute
from common.web.dependencies import OptionalUser, repository, settings
from common.web.error_responses import errors
from common.web.session import COOKIE

router = APIRouter(prefix="/api/users", tags=["users"], route_class=JsonRoute)


Users = Annotated[UserRepository, Depends(repository)]
Configured = Annotated[Settings, Depends(settings)]


async def _client_address(request: Request) -> str:
    return request.client.host if request.client else ""


ClientAddress = Annotated[str, Depends(_client_address)]
"""The address of the client; behind a gateway, as far as the web server trusts its headers."""


@router.post("/signup", status_code=201, responses=errors(400, 409, 415))
async def sign_up(
    body: SignUp, address: ClientAddress, response: Response, users: Users, settings: Configured
) -> UserOut:
    """Open an account and sign in."""
    with hashing_slot(address):
        user = User.register(body.email, await hash_password(body.password))
    await users.add(user)
    await Throttle(users, settings, body.email, address).reset()
    return _signed_in(user, response, settings)


@router.post("/signin", responses=errors(400, 401, 415, 429))
async def sign_in(
    body: SignIn, address: ClientAddress, response: Response, users: Users, settings: Configured
) -> UserOut:
    """Open a session."""
    throttle = Throttle(users, settings, body.email, address)
    with hashing_slot(address):
        await throttle.check()
        user = await users.find_by_email(body.email)
        is_valid = await verify_password(body.password, user.password_hash if user else None)
    if user is None or not is_valid:
        raise InvalidCredentials
    await throttle.reset()
    return _signed_in(user, response, settings)


@router.post("/signout", responses=errors())
async def sign_out(response: Response, settings: Configured) -> Empty:
    """Close the session, whether or not there is one."""
    response.delete_cookie(COOKIE, secure=settings.cookie_secure, httponly=True, samesite="lax")
    return Empty()


@router.get("/currentuser", responses=errors())
async def show_current_user(user: OptionalUser) -> CurrentUserOut:
    """The user of the session; never 401."""
    return CurrentUserOut(current_user=user and UserOut(id=user.id, email=user.email))


def _signed_in(user: User, response: Response, settings: Settings) -> UserOut:
    lifetime = settings.token_lifetime_seconds
    token = tokens.sign(tokens.Principal(user.id, user.email), settings.jwt_private_key, lifetime)
    response.set_cookie(
        COOKIE,
        token,
        max_age=lifetime,
        secure=settings.cookie_secure,
        httponly=True,
        samesite="lax",
    )
    return UserOut(id=user.id, email=user.email)
