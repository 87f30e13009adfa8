"""Signing up, in and out."""

import re

from playwright.async_api import expect
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import PASSWORD, Visitor


async def test_sign_up_returns_to_the_page(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open("/sell")
    await visitor.sees_heading("Sign in")
    await visitor.follows("Sign up")
    await visitor.fills(email=visitor.email, password=PASSWORD)
    await visitor.presses("Sign up")
    await visitor.sees_heading("Sell a ticket")
    await expect(visitor.page.get_by_text(visitor.email)).to_be_visible()


async def test_errors_are_shown_next_to_fields(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open("/signup")
    await visitor.fills(email="nobody", password="short")
    await visitor.presses("Sign up")
    email = visitor.page.get_by_label("E-mail")
    await expect(email).to_have_accessible_description("Email must be valid.")
    await expect(email).to_be_focused()
    await expect(visitor.page.get_by_label("Password")).to_have_accessible_description(
        re.compile("between 8 and 128")
    )
    await email.fill("somebody")
    await expect(email).to_have_accessible_description("")


async def test_sign_in_accepts_only_right_credentials(
    buyer: Visitor, new_visitor: NewVisitor
) -> None:
    visitor = await new_visitor()
    await visitor.open("/signin")
    await visitor.fills(email=buyer.email, password="wrong horse")
    await visitor.presses("Sign in")
    await expect(visitor.page.get_by_role("alert")).to_have_text("Invalid credentials.")
    await visitor.fills(password=PASSWORD)
    await visitor.presses("Sign in")
    await visitor.sees_heading("Tickets for sale")
    await visitor.page.get_by_role("button", name="Sign out").click()
    await expect(visitor.page.get_by_role("link", name="Sign up")).to_be_visible()


async def test_open_redirect_is_refused(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open("/signup?next=https://elsewhere.test/")
    await visitor.fills(email=visitor.email, password=PASSWORD)
    await visitor.presses("Sign up")
    await visitor.sees_heading("Tickets for sale")
