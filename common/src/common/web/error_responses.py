"""Every error as `{"errors": [{"message": ..., "field"?: ...}]}`, in one place."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from common.errors import DomainError, NotFound, Unavailable
from common.logs import RateLimitedLog

rate_limited = RateLimitedLog(logging.getLogger(__name__))

INTERNAL_ERROR = "Something went wrong"
NO_BODY = "Body is required"


class ErrorItem(BaseModel):
    """One error, about a field or the whole request."""

    message: str
    field: str | None = None


class ErrorEnvelope(BaseModel):
    """The body of every error response."""

    errors: list[ErrorItem]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route in OpenAPI."""
    common = (413, 500, 503)
    return {
        status: {"model": ErrorEnvelope, "description": HTTPStatus(status).phrase}
        for status in (*statuses, *common)
    }


def error_response(
    status: int, items: Sequence[ErrorItem], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error response in the envelope."""
    content = {"errors": [item.model_dump(exclude_none=True) for item in items]}
    return JSONResponse(content, status, headers)


async def _domain_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)  # noqa: S101 - how it is registered
    item = ErrorItem(message=error.message, field=error.field)
    return error_response(error.status, [item], error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - how it is registered
    items: dict[str | None, ErrorItem] = {}
    for problem in error.errors():
        field = str(problem["loc"][1]) if len(problem["loc"]) > 1 else None
        has_no_body = field is None and problem["type"] == "missing"
        text = NO_BODY if has_no_body else problem["msg"]
        items.setdefault(field, ErrorItem(message=text, field=field))
    return error_response(400, list(items.values()))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - how it is registered
    text = NotFound.message if error.status_code == 404 else error.detail
    return error_response(error.status_code, [ErrorItem(message=text)], error.headers)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    rate_limited.warning("a request was answered 503", error=str(error))
    assert isinstance(error, Unavailable)  # noqa: S101 - how it is registered
    return unavailable(error.public)


def unavailable(message: str = Unavailable.public) -> JSONResponse:
    """503 with `Retry-After`: a server we depend on does not answer."""
    item = ErrorItem(message=message)
    return error_response(503, [item], {"Retry-After": "1"})


def install_error_responses(app: FastAPI) -> None:
    """Answer every error of the app in the envelope."""
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Unavailable, _unavailable)
