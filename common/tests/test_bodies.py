"""Request bodies: what is read, and what a client is told about each thing that is wrong."""

from types import new_class
from typing import Annotated, Self

import pytest
from httpx import AsyncClient
from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from common.web.bodies import ErrorMessage, RequestBody
from devstack.testing import SignIn

PATH = "/api/tallies"
JSON = {"Content-Type": "application/json"}
TITLE = {"message": "Title is required", "field": "title"}
PRICE = {"message": "Price must be in dollars", "field": "price"}
NOT_JSON = {"message": "Body must be valid JSON"}
NOT_AN_OBJECT = {"message": "Body must be a JSON object"}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
@pytest.mark.parametrize("price", ["19.99", '"19.99"', "1.999e1"])
async def test_a_body_is_read_without_floats(client: AsyncClient, kind: str, price: str) -> None:
    content = f'{{"title": "Käthe", "price": {price}, "colour": null}}'
    answer = await client.post(PATH, content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()) == (200, {"title": "Käthe", "cents": 1999})


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        ("{}", [TITLE, PRICE]),
        ('{"title": "", "price": true}', [TITLE, PRICE]),
        ('{"title": ["a", "b"], "price": {"$gt": 0}}', [TITLE, PRICE]),
        ('{"price": 20}', [TITLE]),
        ('{"title": "a", "price": 19.999}', [PRICE]),
        ('{"title": "a", "price": 1e999999999}', [PRICE]),
        ('{"title": "\\ud800", "price": 20}', [TITLE]),
    ],
)
async def test_each_wrong_field_is_named_once(
    client: AsyncClient, content: str, errors: list[dict[str, str]]
) -> None:
    answer = await client.post(PATH, content=content, headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"errors": errors})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"title": ', NOT_JSON),
        (b'{"title": "a", "price": NaN}', NOT_JSON),
        (b'{"title": "a", "price": -Infinity}', NOT_JSON),
        (b'{"title": "\xff", "price": 20}', NOT_JSON),
        ('{"title": "a", "price": 20}'.encode("utf-16"), NOT_JSON),
        (b'{"a":' * 12_000, NOT_JSON),
        (b"[" * 30_000 + b"]" * 30_000, NOT_JSON),
        (b"[]", NOT_AN_OBJECT),
        (b'[{"title": "a", "price": 20}]', NOT_AN_OBJECT),
        (b'"title"', NOT_AN_OBJECT),
        (b"20", NOT_AN_OBJECT),
        (b"true", NOT_AN_OBJECT),
        (b"null", NOT_AN_OBJECT),
        (b"", {"message": "Body is required"}),
    ],
)
async def test_a_body_that_is_no_object_is_refused(
    client: AsyncClient, content: bytes, error: dict[str, str]
) -> None:
    answer = await client.post(PATH, content=content, headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application"},
    ],
)
@pytest.mark.parametrize("content", [b'{"title": "a", "price": 20}', b"title=a&price=20"])
async def test_other_kinds_of_bodies_are_refused(
    client: AsyncClient, headers: dict[str, str], content: bytes
) -> None:
    answer = await client.post(PATH, content=content, headers=headers)
    errors = [{"message": "Send the body as application/json"}]
    assert (answer.status_code, answer.json()) == (415, {"errors": errors})


@pytest.mark.parametrize("content", [b'{"broken', b"{}", b"[]", b"null", b"", b"[" * 30_000])
@pytest.mark.parametrize("headers", [JSON, {"Content-Type": "text/plain"}, {}])
async def test_a_stranger_is_asked_to_sign_in_first(
    client: AsyncClient, content: bytes, headers: dict[str, str]
) -> None:
    answer = await client.post(f"{PATH}/mine", content=content, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"errors": [{"message": "Not authorized"}]})


async def test_a_user_is_known_to_the_route(client: AsyncClient, sign_in: SignIn) -> None:
    person = sign_in()
    body = {"title": "a", "price": 20}
    answer = await client.post(f"{PATH}/mine", json=body, headers=person.headers)
    assert answer.json() == {"title": "a", "user": person.id}


async def test_a_users_body_is_checked_too(client: AsyncClient, sign_in: SignIn) -> None:
    answer = await client.post(f"{PATH}/mine", json={}, headers=sign_in().headers)
    assert (answer.status_code, answer.json()) == (400, {"errors": [TITLE, PRICE]})


class NoteIn(RequestBody):
    """A body whose fields have other names on the wire."""

    text: Annotated[str, ErrorMessage("Text is required")]
    written_by: Annotated[str, ErrorMessage("WrittenBy is required")]
    colour: Annotated[str, Field(validation_alias="color"), ErrorMessage("Color is a word")] = "red"


class LongNoteIn(NoteIn):
    """With a field more, and rules for all of them together."""

    pages: Annotated[int, ErrorMessage("Pages is a number")] = 1

    @model_validator(mode="before")
    @classmethod
    def _is_said_once(cls, body: dict[str, object]) -> dict[str, object]:
        if "copies" in body:
            raise PydanticCustomError("copies", "Copies are another route")
        return body

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pages > len(self.text):
            raise PydanticCustomError("empty", "Some pages are empty")
        return self


NOTE = {"text": "a", "writtenBy": "b"}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, [("text", "Text is required"), ("writtenBy", "WrittenBy is required")]),
        ({**NOTE, "color": 1}, [("color", "Color is a word")]),
        ({**NOTE, "pages": "many"}, [("pages", "Pages is a number")]),
        (
            {**NOTE, "writtenBy": 1, "pages": []},
            [("writtenBy", "WrittenBy is required"), ("pages", "Pages is a number")],
        ),
    ],
)
def test_inherited_and_renamed_fields_have_their_messages(
    body: dict[str, object], wrong: list[tuple[str, str]]
) -> None:
    with pytest.raises(ValidationError) as refused:
        LongNoteIn.model_validate(body)
    assert [(*each["loc"], each["msg"]) for each in refused.value.errors()] == wrong


@pytest.mark.parametrize(
    ("body", "message"),
    [({"pages": 2}, "Some pages are empty"), ({"copies": 2}, "Copies are another route")],
)
def test_an_error_of_the_whole_body_has_no_field(body: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LongNoteIn.model_validate({**NOTE, **body})
    assert [(each["loc"], each["msg"]) for each in refused.value.errors()] == [((), message)]


Short = Annotated[str, StringConstraints(max_length=5)]


@pytest.mark.parametrize(
    ("base", "field", "annotation"),
    [
        (RequestBody, "venue", str),
        (NoteIn, "venue", Short | None),
        (NoteIn, "text", str),
        (NoteIn, "venue", Annotated[str, ErrorMessage("Venue is short")] | None),
    ],
)
def test_a_field_without_a_message_cannot_be_defined(
    base: type[RequestBody], field: str, annotation: object
) -> None:
    members = {"__annotations__": {field: annotation}, "__module__": __name__}
    with pytest.raises(TypeError, match=rf"Forgetful\.{field} has no message"):
        new_class("Forgetful", (base,), exec_body=lambda body: body.update(members))
