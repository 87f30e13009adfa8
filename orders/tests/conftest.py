"""The orders service, running, knowing one ticket."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from devstack.testing import Session, SignIn
from devstack.ticket_history import TicketHistory
from orders.main import create_app
from orders.repository import OrderRepository
from orders.settings import Settings


@pytest.fixture
def app(environment: dict[str, str]) -> FastAPI:
    """The orders service."""
    return create_app(Settings.model_validate(environment))


@pytest.fixture
def orders(app: FastAPI, client: AsyncClient) -> OrderRepository:  # noqa: ARG001 - it must run
    """What the running service has stored."""
    repository: OrderRepository = app.state.repository
    return repository


@pytest.fixture
def buyer(sign_in: SignIn) -> Session:
    """Somebody who buys."""
    return sign_in()


@pytest.fixture
async def ticket(orders: OrderRepository) -> TicketHistory:
    """A ticket that the service has heard of."""
    ticket = TicketHistory()
    await orders.apply_ticket_event(ticket.event(0))
    return ticket
