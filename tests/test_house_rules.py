"""The rules of this house that a test can check better than a reader."""

import ast
import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

import expiration.handlers
import orders.handlers
import payments.handlers
import tickets.handlers
from common.contracts.subjects import Subject
from common.contracts.subscriptions import SUBSCRIPTIONS
from devstack.service_settings import SETTINGS

ROOT = Path(__file__).parents[1]
MODULES = sorted(ROOT.glob("*/src/**/*.py"))
README = (ROOT / "README.md").read_text()


def test_modules_are_short() -> None:
    too_long = [path for path in MODULES if len(path.read_text().splitlines()) > 200]
    assert MODULES
    assert too_long == []


def test_functions_are_short() -> None:
    functions = [
        (path.name, node.name, (node.end_lineno or 0) - node.lineno + 1)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert functions
    assert [function for function in functions if function[2] > 25] == []


def test_composition_roots_fit_on_a_screen() -> None:
    roots = [path for path in MODULES if path.name == "main.py"]
    assert len(roots) == 5
    assert [path for path in roots if len(path.read_text().splitlines()) > 35] == []


def test_no_group_of_tasks_cancels_only_once() -> None:
    """Where a library swallows that one cancellation, the service hangs: `common.tasks`."""
    assert [path for path in MODULES if "TaskGroup(" in path.read_text()] == []


def test_the_time_is_asked_of_one_clock() -> None:
    """Of the database's: replicas whose machines differ would disagree (`common.clock`)."""
    machines = re.compile(r"\b(datetime\.(now|utcnow|today)|time\.(time|time_ns)|date\.today)\b")
    product = [path for path in MODULES if "devstack" not in path.parts]
    assert [path.name for path in product if machines.search(path.read_text())] == ["clock.py"]


def test_every_event_is_in_the_readme() -> None:
    assert set(re.findall(r"^\| `(\w+:[\w-]+)` \|", README, re.MULTILINE)) == set(Subject)


def test_every_handler_is_declared_and_nothing_else() -> None:
    handlers = {
        "expiration": expiration.handlers.HANDLERS,
        "orders": orders.handlers.HANDLERS,
        "payments": payments.handlers.HANDLERS,
        "tickets": tickets.handlers.HANDLERS,
    }
    assert {service: set(heard) for service, heard in handlers.items()} == SUBSCRIPTIONS


@pytest.mark.parametrize("settings", SETTINGS.values())
def test_every_setting_is_in_the_readme(settings: type[BaseSettings]) -> None:
    documented = set(re.findall(r"`([A-Z_]{5,})`", README))
    assert {name.upper() for name in settings.model_fields} - documented == set()


def test_every_promise_names_a_test_that_exists() -> None:
    guarantees = (ROOT / "docs/guarantees.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", guarantees)
    rows = [line for line in guarantees.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row for row in rows if "::test_" not in row] == []
    assert [name for path, name in named if f"def {name}(" not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize("page", ["glossary.md", "architecture.md"])
def test_places_named_in_docs_exist(page: str) -> None:
    named = re.findall(r"`([\w/]+\.\w+)::(\w+)`", (ROOT / "docs" / page).read_text())
    assert named
    missing = [(path, name) for path, name in named if not _has_name(ROOT / path, name)]
    assert missing == []


def _has_name(path: Path, name: str) -> bool:
    return path.is_file() and re.search(rf"\b{name}\b", path.read_text()) is not None


def test_system_tests_need_only_addresses() -> None:
    tests = {path.name: path.read_text() for path in ROOT.glob("tests/system/test_*.py")}
    asking = r"def test_\w+\([^)]*\bstack: Stack\b"
    assert len(tests) > 5
    assert [name for name, text in tests.items() if re.search(asking, text)] == []
