"""What a route may ask for: who is calling, and what its service owns."""

from typing import Annotated

from fastapi import Depends, Request

from common.errors import NotAuthenticated
from common.messaging.live import Live
from common.web.arrival import Arrival
from common.web.tokens import User


async def optional_user(request: Request) -> User | None:
    """Who is signed in, if anybody."""
    user: User | None = request.state.user
    return user


async def current_user(user: Annotated[User | None, Depends(optional_user)]) -> User:
    """Who is signed in; 401 when nobody is."""
    if user is None:
        raise NotAuthenticated
    return user


async def repository(request: Request) -> object:
    """Where the service keeps what it owns: `Annotated[OrderRepository, Depends(repository)]`."""
    found: object = request.app.state.repository
    return found


async def settings(request: Request) -> object:
    """How the service is configured: `Annotated[Settings, Depends(settings)]`."""
    found: object = request.app.state.settings
    return found


async def live(request: Request) -> Live:
    """What the service announces, as it happens."""
    found: Live = request.app.state.live
    return found


async def arrival(request: Request) -> Arrival:
    """What another service made, as far as it has arrived here."""
    found: Arrival = request.app.state.arrival
    return found


OptionalUser = Annotated[User | None, Depends(optional_user)]
CurrentUser = Annotated[User, Depends(current_user)]
LiveEvents = Annotated[Live, Depends(live)]
Arriving = Annotated[Arrival, Depends(arrival)]
