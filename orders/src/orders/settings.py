"""Settings of the orders service."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from common.settings import EventSettings


class Settings(EventSettings):
    """How long an order holds its ticket."""

    service: ClassVar[str] = "orders"

    order_window_seconds: float = Field(default=900, gt=0)

    @property
    def order_window(self) -> timedelta:
        """How long an order holds its ticket."""
        return timedelta(seconds=self.order_window_seconds)
