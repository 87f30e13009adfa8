"""Buying: a whole sale, the race for a ticket, and all the ways in which an order ends."""

import asyncio
import re
from functools import partial

from playwright.async_api import Route, expect
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import PASSWORD, Visitor

DECLINED = "4000000000000002"
BANK_ASKS = "4000002500003155"


async def test_a_whole_sale(new_visitor: NewVisitor) -> None:
    seller, buyer = await new_visitor(), await new_visitor()
    for somebody in (seller, buyer):
        await somebody.open("/")
        await somebody.page.get_by_role("link", name="Sign up").click()
        await somebody.fills(email=somebody.email, password=PASSWORD)
        await somebody.presses("Sign up")
        await somebody.sees_heading("Tickets for sale")
    await seller.page.get_by_role("link", name="Sell", exact=True).click()
    title = f"Swan Lake {seller.email[:12]}"
    await seller.fills(title=title, price="45")
    await seller.presses("Put up for sale")
    await seller.sees_heading("You are selling this ticket")

    await buyer.open("/")
    await buyer.follows(title)
    await buyer.presses("Buy this ticket")
    await seller.sees_heading("Somebody is buying your ticket")
    await buyer.pays()
    await buyer.sees_heading("The ticket is yours")
    for step in ("You ordered the ticket", "The ticket was reserved for you", "You paid"):
        await buyer.sees(step)
    await seller.sees_heading("You sold this ticket")
    await buyer.page.get_by_role("link", name="My orders").first.click()
    await buyer.sees("Paid")


async def after(both: asyncio.Barrier, route: Route) -> None:
    """Let a request go on its way as soon as the other one is there, too."""
    await both.wait()
    await route.continue_()


async def test_two_people_race_for_one_ticket(seller: Visitor, new_visitor: NewVisitor) -> None:
    ticket_id = await seller.sells()
    racers = [await (await new_visitor()).signed_up() for _ in range(2)]
    both = asyncio.Barrier(2)
    for racer in racers:
        await racer.open(f"/tickets/{ticket_id}")
        await racer.page.route("**/api/orders", partial(after, both), times=1)
    await asyncio.gather(*(racer.presses("Buy this ticket") for racer in racers))
    won = re.compile("/orders/")
    await racers[0].sees(re.compile("Somebody is buying|Time left to pay"))
    first, second = racers if won.search(racers[0].page.url) else racers[::-1]
    await expect(first.page).to_have_url(won)
    await second.sees_heading("Somebody is buying this ticket")
    await first.presses("Cancel the order")
    await first.presses("Cancel the order")
    await first.sees_heading("You cancelled the order")
    await second.presses("Buy this ticket")
    await expect(second.page).to_have_url(won)


async def test_sign_in_returns_to_the_page(
    seller: Visitor, buyer: Visitor, new_visitor: NewVisitor
) -> None:
    visitor = await new_visitor()
    await visitor.open(f"/tickets/{await seller.sells()}")
    await visitor.follows("Sign in to buy")
    await visitor.fills(email=buyer.email, password=PASSWORD)
    await visitor.presses("Sign in")
    await visitor.presses("Buy this ticket")
    await visitor.sees("Time left to pay")


async def test_declined_card_cancels_order_and_frees_ticket(
    seller: Visitor, buyer: Visitor
) -> None:
    await buyer.open(f"/orders/{await buyer.orders(await seller.sells())}")
    await buyer.pays(DECLINED)
    await buyer.sees_heading("The payment did not go through")
    await buyer.follows("See the ticket")
    await buyer.presses("Buy this ticket")
    await buyer.pays()
    await buyer.sees_heading("The ticket is yours")


async def test_invalid_card_number_can_be_corrected(seller: Visitor, buyer: Visitor) -> None:
    await buyer.open(f"/orders/{await buyer.orders(await seller.sells())}")
    await buyer.pays("4242424242424241")
    await expect(buyer.page.get_by_role("alert").first).to_contain_text("card number")
    await buyer.pays()
    await buyer.sees_heading("The ticket is yours")


async def test_a_bank_that_asks_is_answered(seller: Visitor, buyer: Visitor) -> None:
    await buyer.open(f"/orders/{await buyer.orders(await seller.sells())}")
    await buyer.pays(BANK_ASKS)
    await buyer.page.get_by_role("button", name="Complete authentication").click()
    await buyer.sees_heading("The ticket is yours")


async def test_failed_3ds_ends_the_order(seller: Visitor, buyer: Visitor) -> None:
    await buyer.open(f"/orders/{await buyer.orders(await seller.sells())}")
    await buyer.pays(BANK_ASKS)
    await buyer.page.get_by_role("button", name="Fail authentication").click()
    await buyer.sees_heading("The payment did not go through")


async def test_order_page_shows_expiry(seller: Visitor, buyer: Visitor) -> None:
    await buyer.open(f"/orders/{await buyer.orders(await seller.sells())}")
    await expect(buyer.page.get_by_role("timer")).to_have_text(re.compile(r"0:\d\d"))
    await buyer.sees_heading("The time to pay is over")
    await buyer.follows("See the ticket")
    await buyer.sees_heading("You can have this ticket")


async def test_the_countdown_follows_the_clock_of_the_server(
    seller: Visitor, buyer: Visitor
) -> None:
    await buyer.page.clock.set_fixed_time("2020-01-01T00:00:00Z")
    await buyer.open(f"/orders/{await buyer.orders(await seller.sells())}")
    await expect(buyer.page.get_by_role("timer")).to_have_text(re.compile(r"0:[012]\d"))


async def test_pressing_twice_orders_once(seller: Visitor, buyer: Visitor) -> None:
    await buyer.open(f"/tickets/{await seller.sells()}")
    await buyer.page.get_by_role("button", name="Buy this ticket").dblclick()
    await buyer.sees("Time left to pay")
    sent = [url for url in buyer.asked if url.endswith("/api/orders")]
    assert len(sent) == 1


async def test_a_whole_sale_without_a_mouse(new_visitor: NewVisitor) -> None:
    seller, buyer = await new_visitor(), await new_visitor()
    for somebody in (seller, buyer):
        await somebody.open("/")
        await somebody.tabs_to("Sign up", then="Enter")
        await somebody.tabs_to("E-mail", then=somebody.email)
        await somebody.tabs_to("Password", then=PASSWORD)
        await somebody.page.keyboard.press("Enter")
        heading = somebody.page.get_by_role("heading", name="Tickets for sale")
        await expect(heading).to_be_focused()
    title = f"Keys {seller.email[:14]}"
    await seller.open("/sell")
    await seller.tabs_to("What is the ticket for?", then=title)
    await seller.tabs_to("Price", then="12")
    await seller.tabs_to("Put up for sale", then="Enter")
    await seller.sees_heading("You are selling this ticket")

    await buyer.open("/")
    await buyer.tabs_to(title, then="Enter")
    await buyer.sees_heading("You can have this ticket")
    await buyer.tabs_to("Buy this ticket", then="Enter")
    await buyer.sees("Test card")
    await buyer.tabs_to("Test card")
    await buyer.tabs_to("Pay $", then="Enter")
    await buyer.sees_heading("The ticket is yours")
    await expect(buyer.page.locator(".next")).to_be_focused()


async def test_orders_show_their_status_and_history(seller: Visitor, buyer: Visitor) -> None:
    order_id = await buyer.orders(await seller.sells("A night out"))
    await buyer.open("/orders")
    await buyer.sees("To be paid")
    assert (await buyer.page.request.delete(f"/api/orders/{order_id}")).ok
    await buyer.sees("Cancelled")
    await buyer.page.get_by_text("History").click()
    await buyer.sees("You cancelled the order")
