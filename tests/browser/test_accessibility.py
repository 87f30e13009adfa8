"""Every page, light on a phone and dark on a desk, as axe-core sees it; where the focus goes."""

import pytest
from playwright.async_api import expect
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", PHONE), ("dark", DESKTOP)], ids=["light", "dark"]
)
async def test_no_page_is_hard_to_use(
    scheme: str, viewport: dict[str, int], new_visitor: NewVisitor, seller: Visitor
) -> None:
    free, held, paid, gone = [await seller.sells(title) for title in ("A" * 200, "B", "C", "D")]
    looks = {"color_scheme": scheme, "viewport": viewport, "reduced_motion": "reduce"}
    visitor, buyer = await new_visitor(**looks), await (await new_visitor(**looks)).signed_up()
    orders = {ticket: await buyer.orders(ticket) for ticket in (held, paid, gone)}
    payment = {"orderId": orders[paid], "token": "pm_card_visa"}
    assert (await buyer.page.request.post("/api/payments", data=payment)).ok
    assert (await buyer.page.request.delete(f"/api/orders/{orders[gone]}")).ok

    anonymous = ("/", "/?q=nothing-is-called-so", "/signin", "/signup", "/nothing")
    own = ("/sell", "/my-tickets", "/orders", *(f"/orders/{order}" for order in orders.values()))
    tickets = [f"/tickets/{ticket}" for ticket in (free, held, paid)]
    for who, paths in ((visitor, anonymous), (buyer, (*own, *tickets))):
        for path in paths:
            await who.open(path)
            assert await who.violations() == [], path


async def test_form_errors_are_accessible(new_visitor: NewVisitor) -> None:
    for scheme in ("light", "dark"):
        visitor = await new_visitor(color_scheme=scheme)
        await visitor.open("/signup")
        await visitor.presses("Sign up")
        await visitor.sees("Email must be valid.")
        assert await visitor.violations() == []


async def test_focus_moves_to_next_heading(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open("/")
    await visitor.page.get_by_role("link", name="Sign in").click()
    await expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_focused()
    await expect(visitor.page).to_have_title("Sign in - Ticketing")


async def test_the_first_tab_skips_to_the_content(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open("/")
    await visitor.page.keyboard.press("Tab")
    await expect(visitor.page.get_by_text("Skip to the content")).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await visitor.page.keyboard.press("Tab")
    await expect(visitor.page.get_by_label("Search tickets")).to_be_focused()
