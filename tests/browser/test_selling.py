"""Selling: a new ticket, a changed one, and the seller's own list."""

from playwright.async_api import expect
from tests.browser.visitor import Visitor


async def test_a_seller_lists_a_ticket_and_changes_it(seller: Visitor) -> None:
    await seller.open("/sell")
    await seller.fills(title="Hamlet, the Globe", price="0,20")
    await seller.presses("Put up for sale")
    price = seller.page.get_by_label("Price in US dollars")
    await expect(price).to_have_attribute("aria-invalid", "true")
    await seller.fills(price="19,50")
    await seller.presses("Put up for sale")
    await seller.sees_heading("Hamlet, the Globe")
    await seller.sees("$19.50")
    await seller.follows("Edit")
    await seller.fills(price="21")
    await seller.presses("Save")
    await seller.sees("$21.00")


async def test_a_ticket_that_is_held_cannot_be_edited(seller: Visitor, buyer: Visitor) -> None:
    ticket_id = await seller.sells()
    await seller.open(f"/tickets/{ticket_id}/edit")
    await buyer.orders(ticket_id)
    await buyer.open(f"/tickets/{ticket_id}")
    await buyer.sees("You are holding this ticket")
    await seller.presses("Save")
    await expect(seller.page.get_by_role("alert")).to_have_text("Cannot edit a reserved ticket.")


async def test_my_tickets_follow_what_buyers_do(seller: Visitor, buyer: Visitor) -> None:
    await seller.open("/my-tickets")
    await seller.sees_heading("You have not sold anything yet")
    ticket_id = await seller.sells()
    await seller.sees_heading("For sale 1")
    order_id = await buyer.orders(ticket_id)
    await seller.sees_heading("Held by a buyer 1")
    payment = {"orderId": order_id, "token": "pm_card_visa"}
    assert (await buyer.page.request.post("/api/payments", data=payment)).ok
    await seller.sees_heading("Sold 1")


async def test_pressing_twice_lists_one_ticket(seller: Visitor) -> None:
    await seller.open("/sell")
    await seller.fills(title="Only once", price="5")
    await seller.page.get_by_role("button", name="Put up for sale").dblclick()
    await seller.sees_heading("Only once")
    await seller.open("/my-tickets")
    await seller.sees_heading("For sale 1")
