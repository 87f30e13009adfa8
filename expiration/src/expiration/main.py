"""The composition root of the expiration service."""

from fastapi import FastAPI

from common.service import create_service
from expiration.handlers import HANDLERS
from expiration.metrics import timer_gauges
from expiration.repository import TimerRepository
from expiration.settings import Settings
from expiration.timer import run_timer


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app, configured by the environment unless settings are given."""
    return create_service(
        settings or Settings.load(),
        repository=TimerRepository,
        handlers=HANDLERS,
        workers=[run_timer],
        gauges=[timer_gauges],
    )
