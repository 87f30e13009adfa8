"""The tickets service, running, with one ticket for sale."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.contracts.money import Price
from devstack.order_history import OrderHistory
from devstack.testing import Session, SignIn
from tickets.domain import Ticket
from tickets.main import create_app
from tickets.repository import TicketRepository
from tickets.settings import Settings


@pytest.fixture
def app(environment: dict[str, str]) -> FastAPI:
    """The tickets service."""
    return create_app(Settings.model_validate(environment))


@pytest.fixture
def tickets(app: FastAPI, client: AsyncClient) -> TicketRepository:  # noqa: ARG001 - it must run
    """What the running service has stored."""
    repository: TicketRepository = app.state.repository
    return repository


@pytest.fixture
def seller(sign_in: SignIn) -> Session:
    """Somebody who sells."""
    return sign_in()


@pytest.fixture
async def ticket(tickets: TicketRepository, seller: Session) -> Ticket:
    """A ticket that the seller offers."""
    ticket = Ticket.list_for_sale("Concert", Price(1999), seller.id)
    await tickets.add(ticket)
    return ticket


@pytest.fixture
def order(ticket: Ticket, sign_in: SignIn) -> OrderHistory:
    """What the orders service says of one order of the ticket."""
    return OrderHistory(sign_in().id, ticket_id=ticket.id)
