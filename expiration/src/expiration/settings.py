"""What the expiration service can be configured with."""

from typing import ClassVar

from common.settings import EventSettings


class Settings(EventSettings):
    """Nothing of its own."""

    service: ClassVar[str] = "expiration"
