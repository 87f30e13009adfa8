"""Many updates in one round trip: what they are, and what became of each."""

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
    is_of_the_server,
    refusal,
)

Document = dict[str, Any]


@dataclass(frozen=True)
class Update:
    """What one document is to become; `upsert` inserts it when there is none."""

    where: Document
    change: Document | list[Document]
    upsert: bool = False

    def in_words_of_the_driver(self) -> UpdateOne:
        """One operation of a bulk write."""
        return UpdateOne(self.where, self.change, upsert=self.upsert)


@dataclass(frozen=True)
class Updated:
    """How many updates found their document or inserted it, and why which ones failed."""

    found: int
    failed: Mapping[int, Exception]


def partly_failed(error: BulkWriteError) -> Updated:
    """What the driver raises when some of many failed; raises Unavailable when none is sure."""
    details = error.details
    if unsure := details["writeConcernErrors"]:
        raise Unavailable(refusal(unsure[0].get("errmsg"), unsure[0].get("code"))) from error
    failed = {each["index"]: _failure(each) for each in details["writeErrors"]}
    return Updated(details["nMatched"] + details["nUpserted"], failed)


def _failure(error: Document) -> Exception:
    if error["code"] == DUPLICATE:
        return DuplicateKey()
    if error["code"] in DOCUMENT_TOO_LARGE:
        return Refused(refusal(error["errmsg"], error["code"]))
    if is_of_the_server(error["code"]):
        return Unavailable(refusal(error["errmsg"], error["code"]))
    return WriteError(error["errmsg"], error["code"])
