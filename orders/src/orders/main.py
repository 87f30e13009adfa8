"""The composition root of the orders service."""

from fastapi import FastAPI

from common.service import create_service
from orders.domain import EVENT_OF
from orders.handlers import HANDLERS
from orders.metrics import order_gauges
from orders.reconciler import run_reconciler
from orders.repository import OrderRepository
from orders.routes import router
from orders.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app, configured by the environment unless settings are given."""
    return create_service(
        settings or Settings.load(),
        repository=OrderRepository,
        router=router,
        handlers=HANDLERS,
        streamed=[event.subject for event in EVENT_OF.values()],
        workers=[run_reconciler],
        gauges=[order_gauges],
        read_model_of="tickets",
    )
