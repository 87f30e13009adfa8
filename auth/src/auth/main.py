"""The composition root of the auth service."""

from fastapi import FastAPI

from auth.repository import UserRepository
from auth.routes import router
from auth.settings import Settings
from common.service import create_service


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app, configured by the environment unless settings are given."""
    return create_service(settings or Settings.load(), repository=UserRepository, router=router)
