"""OpenAPI and its documentation page, below the prefix of the service."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from common.web.cross_origin import SAFE

TOO_LARGE = str(HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value)
"""The error that every route declares; the middlewares' others are described like it."""

UNUSED_STATUS = "422"
"""FastAPI's default for invalid input, which is a 400 here."""


def create_app(title: str, prefix: str, lifespan: Any) -> FastAPI:
    """An app with `<prefix>/docs`, which loads nothing from other hosts."""
    app = FastAPIOffline(
        title=title,
        docs_url=f"{prefix}/docs",
        openapi_url=f"{prefix}/openapi.json",
        static_url=f"{prefix}/docs/assets",
        swagger_ui_oauth2_redirect_url=f"{prefix}/docs/oauth2-redirect",
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=dict.fromkeys(["tracing", "metrics", "logs", "operation_spans"], False),
    )
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        return _corrected(describe())

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend it
    return app


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    for operations in document["paths"].values():
        for method, operation in operations.items():
            operation["responses"].pop(UNUSED_STATUS, None)
            _declare_errors_as_json(operation["responses"])
            if method.upper() not in SAFE:
                _declare_middleware_errors(operation["responses"])
    schemas = document.get("components", {}).get("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def _declare_errors_as_json(responses: dict[str, Any]) -> None:
    """FastAPI gives them the media type of the success, even if that is `text/event-stream`."""
    for status, response in responses.items():
        if status >= "400" and "content" in response:
            response["content"] = {"application/json": next(iter(response["content"].values()))}


def _declare_middleware_errors(responses: dict[str, Any]) -> None:
    envelope = responses.get(TOO_LARGE, {})
    for status in (HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_TIMEOUT):
        responses.setdefault(str(status.value), {**envelope, "description": status.phrase})
