"""Answers whose bytes are made once."""

import json

from common.contracts.events import WireModel
from common.web.json_cache import MAX_ENTRIES, JsonCache
from devstack.counter_service import Tally


class Shape(WireModel):
    """What is shown of a tally."""

    user_id: str
    count: int
    order_id: str | None = None


class Studio:
    """Makes shapes, and counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.shown = JsonCache[Tally](self._shape)

    def _shape(self, tally: Tally) -> Shape:
        self.made += 1
        return Shape(user_id=tally.id, count=tally.version)


def test_what_is_shown_is_json_without_absent_fields() -> None:
    tally = Tally.new()
    answer = Studio().shown.response(tally, 201)
    assert (answer.status_code, answer.media_type) == (201, "application/json")
    assert json.loads(bytes(answer.body)) == {"userId": tally.id, "count": 0}


def test_a_list_is_shown_with_its_headers() -> None:
    one, other = Tally.new(), Tally.new()
    answer = Studio().shown.list_response([one, other.count()], {"Link": "<next>"})
    assert answer.headers["Link"] == "<next>"
    assert [each["count"] for each in json.loads(bytes(answer.body))] == [0, 1]
    assert json.loads(bytes(Studio().shown.list_response([], {}).body)) == []


def test_each_version_is_made_once() -> None:
    studio, tally = Studio(), Tally.new()
    said = [
        studio.shown.response(each).body for each in (tally, tally.count(), tally, tally.count())
    ]
    assert said[0] == said[2] != said[1] == said[3]
    assert studio.made == 2


def test_only_the_latest_are_remembered() -> None:
    studio, first = Studio(), Tally.new()
    studio.shown.response(first)
    for _ in range(MAX_ENTRIES):
        studio.shown.response(Tally.new())
    studio.shown.response(first)
    assert studio.made == MAX_ENTRIES + 2
