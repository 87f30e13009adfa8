"""Settings of the expiration service."""

from typing import ClassVar

from common.settings import EventSettings


class Settings(EventSettings):
    """Nothing of its own."""

    service: ClassVar[str] = "expiration"
