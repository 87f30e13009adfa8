"""The first thing that somebody sees: what it weighs, whether it moves, how soon it is there."""

import asyncio
import re
from collections.abc import Callable

from playwright.async_api import expect
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor

# What the browser measured since the page began, as https://web.dev/articles/vitals names it.
MEASURE = """
async () => {
  const seen = (type, least) => new Promise((resolve) => {
    const all = [];
    const observer = new PerformanceObserver((list) => all.push(...list.getEntries()));
    observer.observe({ type, buffered: true });
    const look = () => (all.length < least ? setTimeout(look, 100) : resolve(all));
    setTimeout(look, 100);
  });
  const loaded = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
  return {
    bytes: loaded.reduce((sum, entry) => sum + entry.transferSize, 0),
    shift: (await seen("layout-shift", 0)).reduce((sum, entry) => sum + entry.value, 0),
    largestPaint: (await seen("largest-contentful-paint", 1)).at(-1).startTime,
  };
}
"""


async def test_the_list_is_light_and_does_not_move(
    seller: Visitor, new_visitor: NewVisitor, record_property: Callable[[str, object], None]
) -> None:
    await asyncio.gather(*(seller.sells(f"Evening {number}") for number in range(30)))
    for viewport in ({"width": 390, "height": 844}, {"width": 1280, "height": 800}):
        visitor = await new_visitor(viewport=viewport)
        await visitor.open("/")
        await expect(visitor.page.locator(".ticket").first).to_be_visible()
        measured = await visitor.page.evaluate(MEASURE)
        record_property(f"first view at {viewport['width']} px", measured)
        assert 10_000 < measured["bytes"] < 100_000
        assert measured["shift"] == 0


async def test_a_part_that_does_not_come_is_said(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.page.route("**/app/pages/order.js", lambda route: route.abort())
    await visitor.page.goto("/")
    await visitor.sees_heading("The page did not load")
    assert len(visitor.wrong) > 0
    visitor.wrong.clear()
    await visitor.page.unroute_all()
    await visitor.page.reload()
    await visitor.sees_heading("Tickets for sale")


async def test_returning_visitor_loads_cached_files(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open("/")
    visitor.page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    answers: list[tuple[str, int]] = []
    await visitor.page.reload()
    await visitor.sees_page()
    files = {url: status for url, status in answers if re.search(r"/(app|style)/", url)}
    assert files
    assert set(files.values()) == {304}
