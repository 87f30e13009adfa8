"""Request bodies: JSON read without floats, and one plain message for each wrong field."""

from collections.abc import Callable, Coroutine
from typing import Any, Self

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import override

from common.contracts.events import WireModel
from common.contracts.json import MalformedJson, parse_json
from common.errors import UnsupportedMedia


class Says(str):
    """What to tell a client whose field is missing or wrong: `Annotated[str, Says("...")]`."""

    __slots__ = ()


class Body(WireModel):
    """A body that clients send; unknown fields are ignored."""

    model_config = ConfigDict(populate_by_name=False, hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _say_it_plainly(cls, value: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, bytes):  # what the framework passes on unread
            raise UnsupportedMedia
        if isinstance(value, MalformedJson):
            raise PydanticCustomError("json", "Body must be valid JSON")
        if not isinstance(value, dict):
            raise PydanticCustomError("object", "Body must be a JSON object")
        try:
            return read(value)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, cls._plain(error)) from error

    @classmethod
    def _plain(cls, error: ValidationError) -> list[InitErrorDetails]:
        said = {
            field.alias or name: next(m for m in field.metadata if isinstance(m, Says))
            for name, field in cls.model_fields.items()
        }
        wrong = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors())
        return [
            InitErrorDetails(type=PydanticCustomError("invalid", said[name]), loc=(name,), input="")
            for name in wrong
        ]


class _JsonRequest(Request):
    @override
    async def json(self) -> Any:
        """The body without floats; malformed JSON is a value too, refused after the session."""
        try:
            return parse_json(await self.body())
        except MalformedJson as error:
            return error


class JsonRoute(APIRoute):
    """A route whose body is read by `parse_json`: `APIRouter(route_class=JsonRoute)`."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handle_json
