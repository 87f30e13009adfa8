"""Looking for tickets by the words of their titles."""

from datetime import UTC, datetime
from itertools import chain

import pytest
from httpx import AsyncClient
from pymongo import MongoClient

from common.contracts.events import OrderCancelled, OrderCreated
from common.contracts.money import Price
from common.mongo import Database, Document
from devstack.order_history import OrderHistory
from devstack.testing import Session, SignIn, pages
from tickets import search as search_of_tickets
from tickets.domain import Ticket
from tickets.repository import TicketRepository
from tickets.tokenizer import MAX_TOKEN_LENGTH, prefixes, tokenize

SEARCHES = {"command.find": "tickets", "command.sort._id": -1}
"""Of all that is profiled: the sweep of the outbox, which goes on beside them, sorts by time."""
TITLES = ["Café Tacvba, en vivo", "Coldplay", "COLD play tickets", "Straße 2026", "Don't Look Back"]


async def offered(tickets: TicketRepository, seller: Session, *titles: str) -> dict[str, str]:
    """Tickets with these titles; titles by their ids."""
    found = {}
    for title in titles:
        ticket = Ticket.list_for_sale(title, Price(1999), seller.id)
        await tickets.add(ticket)
        found[ticket.id] = title
    return found


async def search(client: AsyncClient, q: str, **more: str) -> list[str]:
    """The titles that are found, newest first."""
    answer = await client.get("/api/tickets", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [ticket["title"] for ticket in answer.json()]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("cold", ["COLD play tickets", "Coldplay"]),
        ("cold play", ["COLD play tickets"]),
        ("PLAY cold", ["COLD play tickets"]),
        ("coldplay", ["Coldplay"]),
        ("play", ["COLD play tickets"]),
        ("cafe", ["Café Tacvba, en vivo"]),
        ("CAFÉ vivo", ["Café Tacvba, en vivo"]),
        ("tac,viv", ["Café Tacvba, en vivo"]),
        ("strasse", ["Straße 2026"]),
        ("STRASSE 20", ["Straße 2026"]),
        ("don't", ["Don't Look Back"]),
        ("afe", []),
        ("cold opera", []),
        ("c.*", ["COLD play tickets", "Coldplay", "Café Tacvba, en vivo"]),
        ("  ", TITLES[::-1]),
        ("!?", TITLES[::-1]),
    ],
)
async def test_every_word_must_match_a_prefix(
    client: AsyncClient, tickets: TicketRepository, seller: Session, q: str, found: list[str]
) -> None:
    await offered(tickets, seller, *TITLES)
    assert await search(client, q) == found


async def test_words_are_told_apart_by_their_first_characters() -> None:
    assert tokenize("a" * (MAX_TOKEN_LENGTH + 1)) == tokenize("a" * MAX_TOKEN_LENGTH)
    assert len(prefixes("a" * 200)) == MAX_TOKEN_LENGTH


async def test_held_ticket_is_not_found(
    client: AsyncClient,
    tickets: TicketRepository,
    ticket: Ticket,
    order: OrderHistory,
) -> None:
    for event, found in ((order.event(OrderCreated, 0), 0), (order.event(OrderCancelled, 1), 1)):
        now = datetime.now(UTC)
        await tickets.update(ticket.id, lambda t, e=event, n=now: t.apply_order(e, n))  # type: ignore[misc]
        assert len(await search(client, "conc")) == found


async def test_edited_ticket_is_found_by_new_title_only(
    client: AsyncClient, ticket: Ticket, seller: Session
) -> None:
    opera = {"title": "Opera", "price": 25}
    await client.put(f"/api/tickets/{ticket.id}", json=opera, headers=seller.headers)
    assert (await search(client, "concert"), await search(client, "oper")) == ([], ["Opera"])


async def test_sellers_search_all_of_their_own(
    client: AsyncClient,
    tickets: TicketRepository,
    ticket: Ticket,
    order: OrderHistory,
    seller: Session,
    sign_in: SignIn,
) -> None:
    held = order.event(OrderCreated, 0)
    await tickets.update(ticket.id, lambda free: free.apply_order(held, datetime.now(UTC)))
    await offered(tickets, seller, "Opera")
    await offered(tickets, sign_in(), "Concert")
    query = {"q": "concert", "mine": "true"}
    mine = await client.get("/api/tickets", params=query, headers=seller.headers)
    assert [(each["id"], each["status"]) for each in mine.json()] == [(ticket.id, "held")]


async def test_search_results_are_paged(
    client: AsyncClient, tickets: TicketRepository, seller: Session
) -> None:
    found = await offered(tickets, seller, "Ópera 1", "Concert", "opera 2", "Opera 3")
    by_title = {title: ticket_id for ticket_id, title in found.items()}
    shown = await pages(client, "/api/tickets?q=opera&limit=2", {})
    assert shown == [[by_title["Opera 3"], by_title["opera 2"]], [by_title["Ópera 1"]]]


async def test_old_tickets_are_backfilled_at_start(
    client: AsyncClient, tickets: TicketRepository, ticket: Ticket, database: Database
) -> None:
    stored = database.collection("tickets")
    await stored.update({"_id": ticket.id}, {"$unset": {"beginnings": 1}})
    assert await search(client, "concert") == []
    await tickets.prepare()
    assert await search(client, "concert") == ["Concert"]


@pytest.mark.parametrize(
    ("q", "most"), [("concert", 52), ("concert 7", 70), ("7 concert", 70), ("ope con", 620)]
)
async def test_search_uses_most_selective_word_without_sorting(
    client: AsyncClient,
    tickets: TicketRepository,
    seller: Session,
    mongo_uri: str,
    q: str,
    most: int,
) -> None:
    await offered(tickets, seller, *["Concert"] * 250, *["Concert 7"] * 5, *["Opera"] * 300)
    with MongoClient[Document](mongo_uri) as mongo:
        database = mongo.get_default_database()
        database.command("profile", 2)
        found = await search(client, q)
        looks = list(database["system.profile"].find(SEARCHES))
    assert min(len(found), 50) == min(looks[-1]["nreturned"], 50)
    assert {(look.get("hasSortStage", False), look["planSummary"][:6]) for look in looks} == {
        (False, "IXSCAN")
    }
    assert sum(look["keysExamined"] for look in looks) <= most


@pytest.mark.parametrize("mine", ["false", "true"])
async def test_search_page_scans_bounded_range_and_links_on(
    client: AsyncClient,
    tickets: TicketRepository,
    seller: Session,
    mongo_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    mine: str,
) -> None:
    both = {0, 1, 2, 53}
    singles = ["Opera", "Concert"] * 32
    titles = ["Opera Concert" if n in both else single for n, single in enumerate(singles)]
    ids = list(await offered(tickets, seller, *titles))
    monkeypatch.setattr(search_of_tickets, "SAMPLE_SIZE", 3)
    with MongoClient[Document](mongo_uri) as mongo:
        database = mongo.get_default_database()
        database.command("profile", 2)
        for window in range(3, 10):
            monkeypatch.setattr(search_of_tickets, "SCAN_LIMIT", window)
            path = f"/api/tickets?q=opera+concert&limit=2&mine={mine}"
            shown = await pages(client, path, seller.headers)
            assert list(chain.from_iterable(shown)) == [ids[n] for n in sorted(both, reverse=True)]
            assert [] in shown
        looks = [each["keysExamined"] for each in database["system.profile"].find(SEARCHES)]
    assert max(looks) <= 9
