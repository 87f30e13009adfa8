"""What a route may ask for: who is calling, and an id that is one."""

from typing import Annotated

from fastapi import Depends, Path, Request

from common.contracts.ids import is_id
from common.errors import NotAuthenticated, NotFound
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


async def path_id(
    id: Annotated[str, Path(description="24 hex characters")],  # noqa: A002 - the name in the URL
) -> str:
    """The id in the path; 404 when it cannot be one."""
    if not is_id(id):
        raise NotFound
    return id


OptionalUser = Annotated[User | None, Depends(optional_user)]
CurrentUser = Annotated[User, Depends(current_user)]
PathId = Annotated[str, Depends(path_id)]
