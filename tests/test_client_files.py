"""The files of the client: rules that a test can check better than a reader."""

import re
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "client"
FILES = sorted(path for path in CLIENT.rglob("*") if path.suffix in {".js", ".css"})


def test_index_preloads_exactly_all_modules() -> None:
    document = (CLIENT / "index.html").read_text()
    named = set(re.findall(r'(?:modulepreload" href|module" src)="/([^"]+)"', document))
    assert named == {str(path.relative_to(CLIENT)) for path in CLIENT.rglob("*.js")}


def test_client_files_open_with_their_purpose() -> None:
    assert len(FILES) > 20
    begins = re.compile(r"(// |/\* )[A-Z].*[.]")
    assert [path.name for path in FILES if not begins.match(path.read_text())] == []


def test_modules_are_short() -> None:
    modules = [path for path in FILES if path.suffix == ".js"]
    assert [path.name for path in modules if len(path.read_text().splitlines()) > 200] == []


def test_nothing_needs_another_host_or_an_unsafe_policy() -> None:
    texts = {path.name: path.read_text() for path in [*FILES, *CLIENT.glob("*.html")]}
    foreign = re.compile(r"https?://|<style|<script>| style=| on\w+=\"|innerHTML|eval\(")
    assert [name for name, text in texts.items() if foreign.search(text)] == []
