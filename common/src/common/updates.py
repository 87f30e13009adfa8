"""Bulk updates: many updates in one round trip, and the result of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, WriteError

from common.errors import Refused, Unavailable
from common.mongo_errors import (
    DOCUMENT_TOO_LARGE,
    DUPLICATE,
    DuplicateKey,
    is_server_state,
    refusal,
)

Document = dict[str, Any]


@dataclass(frozen=True)
class Update:
    """An update of one document; `upsert` inserts it when there is no match."""

    where: Document
    change: Document | list[Document]
    upsert: bool = False

    def to_pymongo(self) -> UpdateOne:
        """One operation of a bulk write."""
        return UpdateOne(self.where, self.change, upsert=self.upsert)


@dataclass(frozen=True)
class BulkResult:
    """How many updates matched or upserted, and the errors by index."""

    found: int
    failed: Mapping[int, Exception]


def from_bulk_error(error: BulkWriteError) -> BulkResult:
    """The result in a partial failure; raises Unavailable on a write concern error."""
    details = error.details
    if unsure := details["writeConcernErrors"]:
        raise Unavailable(refusal(unsure[0].get("errmsg"), unsure[0].get("code"))) from error
    failed = {each["index"]: _failure(each) for each in details["writeErrors"]}
    return BulkResult(details["nMatched"] + details["nUpserted"], failed)


def _failure(error: Document) -> Exception:
    if error["code"] == DUPLICATE:
        return DuplicateKey()
    if error["code"] in DOCUMENT_TOO_LARGE:
        return Refused(refusal(error["errmsg"], error["code"]))
    if is_server_state(error["code"]):
        return Unavailable(refusal(error["errmsg"], error["code"]))
    return WriteError(error["errmsg"], error["code"])
