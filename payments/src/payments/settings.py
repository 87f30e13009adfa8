"""Settings of the payments service."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from common.settings import EventSettings

Secret = Annotated[str, StringConstraints(min_length=8)]


class Settings(EventSettings):
    """The access to Stripe, and the time limit for paying."""

    service: ClassVar[str] = "payments"

    stripe_secret_key: Secret = Field(repr=False)
    stripe_webhook_secret: Secret = Field(repr=False)
    stripe_publishable_key: str = Field(pattern=r"^pk_(test|live)_\w+$")
    stripe_api_base: str = Field(default="https://api.stripe.com", pattern=r"^https?://")
    stripe_js: str = Field(default="https://js.stripe.com/v3/", pattern=r"^https?://")
    order_window_seconds: float = Field(default=900, gt=0)
    payment_margin_seconds: float = Field(default=5, ge=0)

    @property
    def payment_margin(self) -> timedelta:
        """How long before its end an order stops being payable; at most a quarter of its time."""
        return timedelta(seconds=min(self.payment_margin_seconds, self.order_window_seconds / 4))
