"""Many updates at once: one that fails is named, and the others are made."""

from common.mongo import Database
from common.mongo_errors import DuplicateKey
from common.updates import Update


async def test_all_that_fit_are_counted(database: Database) -> None:
    cats = database.collection("cats")
    await cats.insert({"_id": "tom", "lives": 9})
    updated = await cats.update_each(
        [
            Update({"_id": "tom", "lives": 9}, {"$set": {"lives": 8}}),
            Update({"_id": "kit", "lives": 9}, {"$set": {"lives": 8}}),
            Update({"_id": "leo"}, {"$set": {"lives": 7}}, upsert=True),
        ]
    )
    assert (updated.found, updated.failed) == (2, {})
    assert await cats.find_each(["tom", "kit", "leo"]) == {
        "tom": {"_id": "tom", "lives": 8},
        "leo": {"_id": "leo", "lives": 7},
    }


async def test_what_fails_is_named_and_the_others_are_made(database: Database) -> None:
    cats = database.collection("cats")
    await cats.insert({"_id": "tom", "lives": "many"})
    updated = await cats.update_each(
        [
            Update({"_id": "tom", "lives": 9}, {"$set": {"lives": 8}}, upsert=True),
            Update({"_id": "tom"}, {"$inc": {"lives": 1}}),
            Update({"_id": "tom"}, {"$set": {"name": "Tom"}}),
        ]
    )
    assert updated.found == 1
    assert {position: type(why).__name__ for position, why in updated.failed.items()} == {
        0: DuplicateKey.__name__,
        1: "WriteError",
    }
    assert (await cats.find_each(["tom"]))["tom"]["name"] == "Tom"


async def test_nothing_to_update_is_fine(database: Database) -> None:
    assert (await database.collection("cats").update_each([])).found == 0
