"""Users, recent sign-in attempts, and the addresses from which accounts are used, in MongoDB."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from auth.domain import EmailInUse, User
from common import clock
from common.mongo import Collection, Database, Document, DuplicateKey


class UserRepository:
    """What the auth service owns."""

    def __init__(self, database: Database) -> None:
        self._users = database.collection("users")
        self._attempts = database.collection("guesses")
        self._known_addresses = database.collection("places")

    @property
    def outboxes(self) -> Sequence[Collection]:
        """None: this service publishes nothing."""
        return []

    async def prepare(self) -> None:
        """Create the indexes: unique e-mail addresses; attempts and known addresses expire."""
        await self._users.ensure_index([("email", 1)], unique=True)
        for expiring in (self._attempts, self._known_addresses):
            await expiring.ensure_index([("until", 1)], expire_after_seconds=0)

    async def add(self, user: User) -> None:
        """Store a new account; raises EmailInUse."""
        document = {"_id": user.id, "email": user.email, "passwordHash": user.password_hash}
        try:
            await self._users.insert(document)
        except DuplicateKey as error:
            raise EmailInUse from error

    async def find_by_email(self, email: str) -> User | None:
        """The account with this e-mail address."""
        found = await self._users.find_one({"email": email})
        return User(found["_id"], found["email"], found["passwordHash"]) if found else None

    async def count_attempt(self, key: str, window: timedelta) -> tuple[int, datetime]:
        """Count one more attempt; the attempts in this window, and when it ends."""
        now = clock.now()
        in_window = {"$gt": ["$until", now]}
        pipeline: list[Document] = [
            {
                "$set": {
                    "count": {"$cond": [in_window, {"$add": ["$count", 1]}, 1]},
                    "until": {"$cond": [in_window, "$until", now + window]},
                }
            }
        ]
        attempt = await self._attempts.find_one_and_update({"_id": key}, pipeline, upsert=True)
        assert attempt is not None  # noqa: S101 - upserted
        return attempt["count"], attempt["until"]

    async def uncount_attempt(self, key: str, until: datetime) -> None:
        """Count one attempt less, if its window has not ended."""
        await self._attempts.update({"_id": key, "until": until}, {"$inc": {"count": -1}})

    async def clear_attempts(self, key: str) -> None:
        """Set the counter to zero."""
        await self._attempts.delete({"_id": key})

    async def attempts(self, keys: Sequence[str]) -> dict[str, tuple[int, datetime]]:
        """The attempts in the present windows, and when these end, for keys that have any."""
        running = {"_id": {"$in": list(keys)}, "until": {"$gt": clock.now()}}
        found = await self._attempts.find(running, sort=[("_id", 1)], limit=len(keys))
        return {each["_id"]: (each["count"], each["until"]) for each in found}

    async def remember_address(self, key: str, until: datetime) -> None:
        """The owner of an account has signed in from this address."""
        await self._known_addresses.update({"_id": key}, {"$set": {"until": until}}, upsert=True)

    async def is_known_address(self, key: str) -> bool:
        """Whether the owner of an account has signed in from this address."""
        now = clock.now()
        return await self._known_addresses.find_one({"_id": key, "until": {"$gt": now}}) is not None
