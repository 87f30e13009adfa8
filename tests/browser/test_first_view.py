"""The first thing that somebody sees: how much it weighs, whether it moves, how soon it is there."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor

CLIENT = Path(__file__).parents[2] / "client"

# What the browser measured since the page began, as https://web.dev/articles/vitals names it.
MEASURE = """
async () => {
  const seen = (type) => new Promise((resolve) => {
    const all = [];
    new PerformanceObserver((list) => all.push(...list.getEntries())).observe({ type, buffered: true });
    setTimeout(() => resolve(all), 100);
  });
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return {
    bytes: loaded.reduce((sum, entry) => sum + entry.transferSize, 0),
    shift: (await seen("layout-shift")).reduce((sum, entry) => sum + entry.value, 0),
    largestPaint: (await seen("largest-contentful-paint")).at(-1).startTime,
  };
}
"""


async def test_the_list_is_light_and_does_not_move(
    seller: Visitor, new_visitor: NewVisitor, record_property: object
) -> None:
    await asyncio.gather(*(seller.sells(f"Evening {number}") for number in range(30)))
    for viewport in ({"width": 390, "height": 844}, {"width": 1280, "height": 800}):
        visitor = await new_visitor(viewport=viewport)
        await visitor.open("/")
        await expect(visitor.page.locator(".ticket").first).to_be_visible()
        measured = await visitor.page.evaluate(MEASURE)
        assert callable(record_property)
        record_property(f"first view at {viewport['width']} px", measured)
        assert 10_000 < measured["bytes"] < 100_000
        assert measured["shift"] == 0


async def test_who_comes_back_loads_no_file_again(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor()
    await visitor.open("/")
    visitor.page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    answers: list[tuple[str, int]] = []
    await visitor.page.reload()
    await visitor.sees_page()
    files = {url: status for url, status in answers if re.search(r"/(app|style)/", url)}
    assert files
    assert set(files.values()) == {304}


def test_the_first_document_names_every_module_and_no_other() -> None:
    document = (CLIENT / "index.html").read_text()
    named = set(re.findall(r'(?:modulepreload" href|module" src)="/([^"]+)"', document))
    assert named == {str(path.relative_to(CLIENT)) for path in CLIENT.rglob("*.js")}


def test_every_file_of_the_client_says_what_it_is_for() -> None:
    files = [path for path in CLIENT.rglob("*") if path.suffix in {".js", ".css"}]
    assert len(files) > 20
    first_lines = {path.name: path.read_text().splitlines()[0] for path in files}
    assert [name for name, line in first_lines.items() if not re.match(r"(// |/\* )[A-Z]", line)] == []
    assert [path.name for path in files if len(path.read_text().splitlines()) > 200] == ["ticket.css"]
