"""What a route may ask for: who is calling."""

from typing import Annotated

from fastapi import Depends, Request

from common.errors import NotAuthenticated
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


OptionalUser = Annotated[User | None, Depends(optional_user)]
CurrentUser = Annotated[User, Depends(current_user)]
