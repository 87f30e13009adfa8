"""Many updates at once: one that fails is named, and the others are made."""

from pymongo import MongoClient

from common.mongo import Database, Document
from common.mongo_errors import DuplicateKey
from common.updates import Update


async def test_all_that_fit_are_counted(database: Database) -> None:
    cats = database.collection("cats")
    await cats.insert({"_id": "tom", "lives": 9})
    updated = await cats.bulk_update(
        [
            Update({"_id": "tom", "lives": 9}, {"$set": {"lives": 8}}),
            Update({"_id": "kit", "lives": 9}, {"$set": {"lives": 8}}),
            Update({"_id": "leo"}, {"$set": {"lives": 7}}, upsert=True),
        ]
    )
    assert (updated.found, updated.failed) == (2, {})
    assert await cats.get_many(["tom", "kit", "leo"]) == {
        "tom": {"_id": "tom", "lives": 8},
        "leo": {"_id": "leo", "lives": 7},
    }


async def test_a_refused_change_does_not_stop_the_others(database: Database) -> None:
    cats = database.collection("cats")
    await cats.insert({"_id": "tom", "lives": "many"})
    updated = await cats.bulk_update(
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
    assert (await cats.get_many(["tom"]))["tom"]["name"] == "Tom"


async def test_nothing_to_update_is_fine(database: Database) -> None:
    assert (await database.collection("cats").bulk_update([])).found == 0


async def test_many_are_found_in_one_round_trip(database: Database, mongo_uri: str) -> None:
    cats, names = database.collection("cats"), [f"cat {number}" for number in range(250)]
    await cats.bulk_update([Update({"_id": each}, {"$set": {}}, upsert=True) for each in names])
    with MongoClient[Document](mongo_uri) as mongo:
        profiled = mongo.get_default_database()
        profiled.command("profile", 2)
        found = await cats.get_many([*names, "dog"])
        asked = [each["op"] for each in profiled["system.profile"].find({"ns": {"$regex": "cats"}})]
    assert (sorted(found), asked) == (sorted(names), ["query"])
