"""Somebody in front of a browser, who notices everything that goes wrong in it."""

import re
from importlib import resources

from playwright.async_api import ConsoleMessage, Error, Page, Request, expect

from common.contracts.ids import new_id
from devstack.running_stack import RunningStack

PASSWORD = "correct horse"
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()

FOCUSED = """() => {
  const focused = document.activeElement;
  return [focused, ...(focused.labels ?? [])].map((element) => element.textContent).join(" ");
}"""

# The browser itself notes every refusal in the console; the page tells the visitor what it means.
REFUSALS = re.compile(r"the server responded with a status of (400|401|402|403|404|409)")
OFFLINE = re.compile(r"net::ERR_INTERNET_DISCONNECTED")


class Visitor:
    """A page in a browser context of its own: cookies, looks, errors."""

    def __init__(self, page: Page, stack: RunningStack) -> None:
        self.page, self.stack = page, stack
        self.email = f"{new_id()}@ticketing.test"
        self.asked: list[str] = []
        self.wrong: list[str] = []
        page.on("console", self._read_console)
        page.on("pageerror", self._read_error)
        page.on("request", self._read_request)

    async def open(self, path: str) -> None:
        """Type an address."""
        await self.page.goto(path)
        await self.sees_page()

    async def sees_page(self) -> None:
        """Wait until the page is there, not just its outline."""
        await expect(self.page.locator("main .outline")).to_have_count(0)
        await expect(self.page.locator("main h1")).to_be_visible()

    async def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page says this."""
        await expect(self.page.locator("main").get_by_text(text).first).to_be_visible()

    async def sees_heading(self, text: str) -> None:
        """Wait until something is headed so."""
        await expect(self.page.get_by_role("heading", name=text)).to_be_visible()

    async def presses(self, name: str) -> None:
        """Press a button of the page."""
        await self.page.locator("main, dialog").get_by_role("button", name=name).last.click()

    async def follows(self, name: str) -> None:
        """Follow a link of the page."""
        await self.page.locator("main").get_by_role("link", name=name).first.click()

    async def fills(self, **fields: str) -> None:
        """Fill in the fields of a form by the names that the API gives them."""
        for name, text in fields.items():
            await self.page.locator(f"main input[name={name}]").fill(text)

    async def pays(self, card: str = "4242424242424242") -> None:
        """Choose a test card in the form of the stand-in for Stripe.js, and pay."""
        await self.page.get_by_label("Test card").select_option(card)
        await self.presses("Pay $")

    async def tabs_to(self, name: str, then: str = "") -> None:
        """Press Tab until the focus is on what is called so; then press Enter, or type."""
        await self.sees_page()
        keys = self.page.keyboard
        for _ in range(60):
            await keys.press("Tab")
            if name in await self.page.evaluate(FOCUSED):
                return await (keys.press(then) if then == "Enter" else keys.type(then))
        raise AssertionError(f"no way to {name!r} with the keyboard")

    async def signed_up(self) -> "Visitor":
        """Have an account and a session, the short way."""
        await self._post("/api/users/signup", {"email": self.email, "password": PASSWORD})
        return self

    async def sells(self, title: str = "Concert", price: float = 19.99) -> str:
        """List a ticket, the short way; its id."""
        return (await self._post("/api/tickets", {"title": title, "price": price}))["id"]

    async def orders(self, ticket_id: str) -> str:
        """Hold a ticket, the short way; the order's id."""
        return (await self._post("/api/orders", {"ticketId": ticket_id}))["id"]

    async def violations(self) -> list[str]:
        """What axe finds wrong with the page for people who do not see or point as most do."""
        await self.page.evaluate(AXE)
        found = await self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {node['html']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    async def _post(self, path: str, body: object) -> dict[str, str]:
        answer = await self.page.request.post(path, data=body)
        assert answer.ok, await answer.text()
        created: dict[str, str] = await answer.json()
        return created

    def _read_console(self, message: ConsoleMessage) -> None:
        is_expected = REFUSALS.search(message.text) or OFFLINE.search(message.text)
        if message.type in {"error", "warning"} and not is_expected:
            self.wrong.append(f"console: {message.text} {message.location}")

    def _read_error(self, error: Error) -> None:
        self.wrong.append(f"error: {error}")

    def _read_request(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self.stack.gateway, self.stack.sandbox, "data:", "blob:")):
            self.wrong.append(f"asked of a stranger: {request.url}")
