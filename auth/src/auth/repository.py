"""Users, the wrong passwords of the last minutes, and where owners sign in, in MongoDB."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from auth.domain import EmailInUse, User
from common import clock
from common.mongo import Collection, Database, Document, DuplicateKey


class UserRepository:
    """What the auth service owns."""

    def __init__(self, database: Database) -> None:
        self._users = database.collection("users")
        self._guesses = database.collection("guesses")
        self._places = database.collection("places")

    @property
    def outboxes(self) -> Sequence[Collection]:
        """None: this service announces nothing."""
        return []

    async def prepare(self) -> None:
        """Make the indexes exist: one account an address; guesses and places are forgotten."""
        await self._users.ensure_index([("email", 1)], unique=True)
        for passing in (self._guesses, self._places):
            await passing.ensure_index([("until", 1)], expire_after_seconds=0)

    async def add(self, user: User) -> None:
        """Store a new account; raises EmailInUse."""
        document = {"_id": user.id, "email": user.email, "passwordHash": user.password_hash}
        try:
            await self._users.insert(document)
        except DuplicateKey as error:
            raise EmailInUse from error

    async def with_email(self, email: str) -> User | None:
        """The account with this address."""
        found = await self._users.find_one({"email": email})
        return User(found["_id"], found["email"], found["passwordHash"]) if found else None

    async def count_guess(self, key: str, window: timedelta) -> tuple[int, datetime]:
        """Count one more guess; how many there were in this window, and when it ends."""
        now = clock.now()
        fresh = {"$gt": ["$until", now]}
        counted: list[Document] = [
            {
                "$set": {
                    "count": {"$cond": [fresh, {"$add": ["$count", 1]}, 1]},
                    "until": {"$cond": [fresh, "$until", now + window]},
                }
            }
        ]
        guesses = await self._guesses.change_one({"_id": key}, counted, upsert=True)
        assert guesses is not None  # noqa: S101 - upserted
        return guesses["count"], guesses["until"]

    async def take_back_guess(self, key: str, until: datetime) -> None:
        """Count one guess less, if the window in which it was counted goes on."""
        await self._guesses.update({"_id": key, "until": until}, {"$inc": {"count": -1}})

    async def forget_guesses(self, key: str) -> None:
        """Begin anew."""
        await self._guesses.delete({"_id": key})

    async def guesses(self, keys: Sequence[str]) -> dict[str, tuple[int, datetime]]:
        """How many guesses there were, and until when they count, where there were any."""
        running = {"_id": {"$in": list(keys)}, "until": {"$gt": clock.now()}}
        found = await self._guesses.find(running, sort=[("_id", 1)], limit=len(keys))
        return {each["_id"]: (each["count"], each["until"]) for each in found}

    async def remember_place(self, key: str, until: datetime) -> None:
        """An account was used by its owner from here."""
        await self._places.update({"_id": key}, {"$set": {"until": until}}, upsert=True)

    async def knows_place(self, key: str) -> bool:
        """Whether an account was used by its owner from here."""
        now = clock.now()
        return await self._places.find_one({"_id": key, "until": {"$gt": now}}) is not None
