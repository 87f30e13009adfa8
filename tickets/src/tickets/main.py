"""The composition root of the tickets service."""

from fastapi import FastAPI

from common.contracts.subjects import Subject
from common.service import create_service
from tickets.handlers import HANDLERS
from tickets.repository import TicketRepository
from tickets.routes import router
from tickets.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app, configured by the environment unless settings are given."""
    return create_service(
        settings or Settings.load(),
        repository=TicketRepository,
        router=router,
        handlers=HANDLERS,
        ordering_key=lambda order: order.ticket.id,
        streamed=[Subject.TICKET_CREATED, Subject.TICKET_UPDATED],
    )
