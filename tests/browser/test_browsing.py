"""Looking for a ticket: the list, the search, the address, the way back."""

import asyncio
import re

from playwright.async_api import expect
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor

from common.contracts.ids import new_id


async def test_a_search_finds_while_one_types(seller: Visitor, new_visitor: NewVisitor) -> None:
    word = new_id()
    await seller.sells(f"Café {word}")
    visitor = await new_visitor()
    await visitor.open("/")
    await visitor.page.get_by_label("Search tickets").press_sequentially(f"cafe {word[:20]}")
    await expect(visitor.page.locator(".ticket")).to_have_count(1)
    await expect(visitor.page).to_have_url(re.compile(rf"\?q=cafe%20{word[:20]}"))
    await visitor.page.reload()
    await expect(visitor.page.locator(".ticket")).to_have_count(1)
    await expect(visitor.page.get_by_label("Search tickets")).to_have_value(f"cafe {word[:20]}")


async def test_a_search_for_nothing_says_what_to_do(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open(f"/?q={new_id()}")
    await visitor.sees_heading("Nothing is called")
    await visitor.follows("See all tickets")
    await expect(visitor.page.get_by_label("Search tickets")).to_have_value("")


async def test_infinite_scroll_and_restored_position(
    seller: Visitor, new_visitor: NewVisitor
) -> None:
    word = new_id()
    await asyncio.gather(*(seller.sells(f"{word} {number}") for number in range(60)))
    visitor = await new_visitor()
    await visitor.open(f"/?q={word}")
    tickets = visitor.page.locator(".ticket")
    while await tickets.count() < 60:
        await visitor.page.mouse.wheel(0, 2000)
    await tickets.nth(55).click()
    await expect(visitor.page.locator(".one-ticket")).to_be_visible()
    await visitor.page.go_back()
    await expect(tickets).to_have_count(60)
    await expect(tickets.nth(55)).to_be_in_viewport()


async def test_deep_links_and_missing_pages(seller: Visitor, new_visitor: NewVisitor) -> None:
    ticket_id = await seller.sells("Deep link")
    visitor = await new_visitor()
    await visitor.open(f"/tickets/{ticket_id}")
    await visitor.sees_heading("Deep link")
    for path in ("/nothing", f"/tickets/{new_id()}", "/tickets/x/y/z"):
        await visitor.open(path)
        await visitor.sees_heading("Nothing here")


async def test_list_removes_taken_and_updates_edited_tickets(
    seller: Visitor, buyer: Visitor, new_visitor: NewVisitor
) -> None:
    word = new_id()
    taken, edited = await seller.sells(f"{word} taken"), await seller.sells(f"{word} edited")
    visitor = await new_visitor()
    await visitor.open(f"/?q={word}")
    await expect(visitor.page.locator(".ticket")).to_have_count(2)
    await buyer.orders(taken)
    await expect(visitor.page.locator(".ticket")).to_have_count(1)
    await seller.page.request.put(
        f"/api/tickets/{edited}", data={"title": f"{word} edited", "price": 7}
    )
    await visitor.sees("$7.00")


async def test_a_new_ticket_is_offered(seller: Visitor, new_visitor: NewVisitor) -> None:
    word = new_id()
    visitor = await new_visitor()
    await seller.sells(f"{word} one")
    await visitor.open(f"/?q={word}")
    await seller.sells(f"{word} two")
    await visitor.presses("Show 1 new ticket")
    await expect(visitor.page.locator(".ticket")).to_have_count(2)


async def test_offline_banner_and_catch_up_after_reconnect(
    seller: Visitor, buyer: Visitor, new_visitor: NewVisitor
) -> None:
    word = new_id()
    ticket_id = await seller.sells(f"{word} soon gone")
    visitor = await new_visitor()
    await visitor.open(f"/?q={word}")
    await visitor.page.context.set_offline(True)
    await expect(visitor.page.get_by_text("You are offline")).to_be_visible()
    await visitor.page.get_by_role("link", name="Ticketing").click()
    await visitor.sees_heading("This did not work")
    await buyer.orders(ticket_id)
    await visitor.page.context.set_offline(False)
    await expect(visitor.page.get_by_text("You are offline")).to_be_hidden()
    await visitor.sees_heading("Tickets for sale")
    await visitor.page.go_back()
    await visitor.sees_heading("Nothing is called")
