"""Schemathesis tries what each service's own OpenAPI document allows, and what it does not."""

from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from common.contracts.ids import new_id
from devstack.running_stack import System

EXAMPLES = 20

# Rules that JSON Schema cannot express: two decimals, and Stripe's signature.
STRICTER_THAN_SCHEMA = {"/api/tickets", "/api/tickets/{ticket_id}", "/api/payments/webhook"}

# Its answer does not end; tests/system/test_sse.py reads it.
ENDLESS = {"/api/tickets/events"}


@pytest.fixture(scope="session")
def session(stack: System) -> dict[str, str]:
    """The headers of somebody who is signed in."""
    body = {"email": f"{new_id()}@ticketing.test", "password": "correct horse"}
    signed_up = httpx.post(f"{stack.gateway}/api/users/signup", json=body)
    return {"Authorization": f"Bearer {signed_up.cookies['session']}"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("service", ["users", "tickets", "orders", "payments"])
def test_a_service_does_what_its_document_says(
    stack: System, session: dict[str, str], service: str, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_url(f"{stack.gateway}/api/{service}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == sum(map(len, schema.raw_schema["paths"].values()))
    for operation in (each for each in operations if each.path not in ENDLESS):
        with suppress(Unsatisfiable):  # it has nothing that could be wrong
            _try(operation, mode, session)


def _try(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, session: dict[str, str]
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Case[Any]) -> None:
        stricter = case.operation.path in STRICTER_THAN_SCHEMA
        excluded: list[Any] = [positive_data_acceptance] if stricter else []
        case.call_and_validate(headers=session, excluded_checks=excluded)

    call()
