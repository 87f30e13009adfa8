"""Request bodies: JSON parsed without floats, and one error message for each invalid field."""

from collections.abc import Callable, Coroutine
from typing import Any, Self

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import override

from common.contracts.events import WireModel
from common.contracts.json import MalformedJson, parse_json
from common.errors import UnsupportedMedia


class ErrorMessage(str):
    """The message when a field is missing or invalid: `Annotated[str, ErrorMessage("...")]`."""

    __slots__ = ()


class RequestBody(WireModel):
    """The body of a request; unknown fields are ignored.

    Each field needs a message: a class with a field that has none cannot be defined.
    """

    model_config = ConfigDict(
        populate_by_name=False,
        hide_input_in_errors=True,
        loc_by_alias=False,  # a problem is looked up by its field, whatever aliases that has
    )

    @classmethod
    @override
    def __pydantic_on_complete__(cls) -> None:
        for name, field in cls.model_fields.items():
            if _message_of(field) is None:
                missing = 'no message: write Annotated[..., ErrorMessage("...")]'
                raise TypeError(f"{cls.__name__}.{name} has {missing}")

    @model_validator(mode="wrap")
    @classmethod
    def _with_messages(cls, value: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, bytes):  # what the framework passes on unread
            raise UnsupportedMedia
        if isinstance(value, MalformedJson):
            raise PydanticCustomError("json", "Body must be valid JSON")
        if not isinstance(value, dict):
            raise PydanticCustomError("object", "Body must be a JSON object")
        try:
            return read(value)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, cls._messages(error)) from error

    @classmethod
    def _messages(cls, error: ValidationError) -> list[InitErrorDetails]:
        problems = error.errors()
        wrong = {problem["loc"][0] for problem in problems if problem["loc"]}
        return [
            _detail(_message_of(field) or "", _wire_name(name, field))
            for name, field in cls.model_fields.items()
            if name in wrong
        ] + [_detail(problem["msg"]) for problem in problems if not problem["loc"]]


def _message_of(field: FieldInfo) -> str | None:
    return next((each for each in field.metadata if isinstance(each, ErrorMessage)), None)


def _wire_name(name: str, field: FieldInfo) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _detail(message: str, *loc: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("invalid", message), loc=loc, input="")


class _JsonRequest(Request):
    @override
    async def json(self) -> Any:
        """The body without floats; malformed JSON is a value too, rejected after authentication."""
        try:
            return parse_json(await self.body())
        except MalformedJson as error:
            return error


class JsonRoute(APIRoute):
    """A route whose body is parsed by `parse_json`: `APIRouter(route_class=JsonRoute)`."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handle_json
