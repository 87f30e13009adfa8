"""Dependencies of routes: the user, the repository, the settings, the event feed."""

from typing import Annotated

from fastapi import Depends, Request

from common.errors import NotAuthenticated
from common.messaging.event_feed import EventFeed
from common.web.read_your_writes import ReadYourWrites
from common.web.tokens import Principal


async def optional_user(request: Request) -> Principal | None:
    """The signed-in user, if any."""
    user: Principal | None = request.state.user
    return user


async def current_user(user: Annotated[Principal | None, Depends(optional_user)]) -> Principal:
    """The signed-in user; 401 without one."""
    if user is None:
        raise NotAuthenticated
    return user


async def repository(request: Request) -> object:
    """The repository of the service: `Annotated[OrderRepository, Depends(repository)]`."""
    found: object = request.app.state.repository
    return found


async def settings(request: Request) -> object:
    """The settings of the service: `Annotated[Settings, Depends(settings)]`."""
    found: object = request.app.state.settings
    return found


async def event_feed(request: Request) -> EventFeed:
    """The recent events of the service."""
    found: EventFeed = request.app.state.event_feed
    return found


async def read_your_writes(request: Request) -> ReadYourWrites:
    """Reads of what another service created, which wait until it is replicated here."""
    found: ReadYourWrites = request.app.state.read_your_writes
    return found


OptionalUser = Annotated[Principal | None, Depends(optional_user)]
CurrentUser = Annotated[Principal, Depends(current_user)]
Feed = Annotated[EventFeed, Depends(event_feed)]
Replicated = Annotated[ReadYourWrites, Depends(read_your_writes)]
