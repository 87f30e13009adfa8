"""Users, and the wrong passwords of the last minutes, in MongoDB."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from auth.domain import EmailInUse, User
from common.mongo import Collection, Database, Document, DuplicateKey


class UserRepository:
    """What the auth service owns."""

    def __init__(self, database: Database) -> None:
        self._users = database.collection("users")
        self._guesses = database.collection("guesses")

    @property
    def outboxes(self) -> Sequence[Collection]:
        """None: this service announces nothing."""
        return []

    async def prepare(self) -> None:
        """Make the indexes exist: one account an address, and old guesses forgotten."""
        await self._users.ensure_index([("email", 1)], unique=True)
        await self._guesses.ensure_index([("until", 1)], expire_after_seconds=0)

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

    async def count_guess(self, email: str, window: timedelta) -> tuple[int, datetime]:
        """Note one more guess at an account; how many there were, and until when they count.

        Counted before the password is looked at, so that guesses made at once all count.
        """
        now = datetime.now(UTC)
        fresh = {"$gt": ["$until", now]}
        counted: list[Document] = [
            {
                "$set": {
                    "count": {"$cond": [fresh, {"$add": ["$count", 1]}, 1]},
                    "until": {"$cond": [fresh, "$until", now + window]},
                }
            }
        ]
        guesses = await self._guesses.change_one({"_id": email}, counted, upsert=True)
        assert guesses is not None  # noqa: S101 - upserted
        return guesses["count"], guesses["until"]

    async def forget_guesses(self, email: str) -> None:
        """The owner is in."""
        await self._guesses.delete({"_id": email})
