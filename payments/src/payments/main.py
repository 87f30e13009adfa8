"""The composition root of the payments service."""

from fastapi import FastAPI

from common.service import create_service
from payments.gateway import StripeGateway
from payments.handlers import HANDLERS
from payments.reconciler import reconciler
from payments.repository import CheckoutRepository
from payments.routes import router
from payments.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app, configured by the environment unless settings are given."""
    settings = settings or Settings.load()
    gateway = StripeGateway(
        settings.stripe_secret_key, settings.stripe_webhook_secret, settings.stripe_api_base
    )
    app = create_service(
        settings,
        repository=CheckoutRepository,
        router=router,
        handlers=HANDLERS,
        workers=[reconciler(gateway)],
        on_shutdown=[gateway.close],
        read_model_of="orders",
    )
    app.state.gateway = gateway
    return app
