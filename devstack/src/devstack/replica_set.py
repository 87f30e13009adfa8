"""The replica set of one member that gives a local mongod an oplog and majority writes."""

from typing import Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from devstack.ports import LOOPBACK

NAME: Final = "rs0"
ALREADY_INITIALIZED: Final = 23
PROBE_SECONDS: Final = 0.2

Document = dict[str, object]


def uri(port: int, database: str) -> str:
    """The address of one database, as a client of the set."""
    return f"mongodb://{LOOPBACK}:{port}/{database}?replicaSet={NAME}"


def is_primary(port: int) -> bool:
    """Whether the member on this port takes writes; brings it nearer to that when it does not."""
    try:
        with connect(port, PROBE_SECONDS) as client:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return True
            if "setName" not in hello:
                _form(client, port)
            return False
    except PyMongoError:
        return False


def connect(port: int, seconds: float = 10.0) -> MongoClient[Document]:
    """A client of this one member, whatever its state in the set."""
    patience = int(seconds * 1000)
    return MongoClient(LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=patience)


def _form(client: MongoClient[Document], port: int) -> None:
    address = f"{LOOPBACK}:{port}"
    members = [{"_id": 0, "host": address}]
    try:
        client.admin.command("replSetInitiate", {"_id": NAME, "members": members})
    except OperationFailure as refusal:
        if refusal.code != ALREADY_INITIALIZED:
            raise
        _readdress(client, address)


def _readdress(client: MongoClient[Document], address: str) -> None:
    """The files remember the port of an earlier start; a member at another one waits for ever."""
    config = client.admin.command("replSetGetConfig")["config"]
    config["members"][0]["host"] = address
    config["version"] += 1
    client.admin.command("replSetReconfig", config, force=True)
