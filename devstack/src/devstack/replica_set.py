"""The replica set that a local mongod is a member of, mostly the only one."""

from collections.abc import Sequence
from typing import Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from devstack.ports import LOOPBACK

NAME: Final = "rs0"
ALREADY_INITIALIZED: Final = 23
PROBE_SECONDS: Final = 0.2

Document = dict[str, object]


def uri(seats: Sequence[int], database: str) -> str:
    """The address of one database, as a client of the set whose members are at these ports."""
    return f"mongodb://{','.join(map(_address, seats))}/{database}?replicaSet={NAME}"


def is_ready(port: int, seats: Sequence[int]) -> bool:
    """Whether the member on this port is primary, or follows one.

    Where there is none, the member that knows all `seats` forms the set, and then leads it.
    """
    try:
        with connect(port, PROBE_SECONDS) as client:
            hello = client.admin.command("hello")
            if seats and "setName" not in hello:
                _form(client, seats)
            elif seats and hello["secondary"] and "primary" not in hello:
                client.admin.command("replSetStepUp")  # instead of waiting for 10 s
            follows = hello["secondary"] and hello.get("primary", hello["me"]) != hello["me"]
            return bool(hello["isWritablePrimary"] or follows)
    except PyMongoError:
        return False


def connect(port: int, seconds: float = 10.0) -> MongoClient[Document]:
    """A client of this one member, whatever its state in the set."""
    patience = int(seconds * 1000)
    return MongoClient(LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=patience)


def _form(client: MongoClient[Document], seats: Sequence[int]) -> None:
    members = [{"_id": n, "host": _address(seat)} for n, seat in enumerate(seats)]
    try:
        client.admin.command("replSetInitiate", {"_id": NAME, "members": members})
    except OperationFailure as refusal:
        if refusal.code != ALREADY_INITIALIZED:
            raise
        _readdress(client, seats)


def _readdress(client: MongoClient[Document], seats: Sequence[int]) -> None:
    """The files remember the ports of an earlier start; a member at another one waits for ever."""
    config = client.admin.command("replSetGetConfig")["config"]
    for member, seat in zip(config["members"], seats, strict=True):
        member["host"] = _address(seat)
    config["version"] += 1
    client.admin.command("replSetReconfig", config, force=True)


def _address(seat: int) -> str:
    return f"{LOOPBACK}:{seat}"
