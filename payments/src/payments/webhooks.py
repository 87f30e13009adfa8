"""What a webhook of Stripe is about, as far as it concerns an order here."""

from pydantic import BaseModel, Field, ValidationError

from common.contracts.ids import Id


class _Metadata(BaseModel):
    order_id: Id = Field(alias="orderId")


class _Object(BaseModel):
    metadata: _Metadata


class _Data(BaseModel):
    thing: _Object = Field(alias="object")


class _Webhook(BaseModel):
    data: _Data


def order_of(body: bytes) -> str | None:
    """The order in the metadata of the object of an event; None for whatever else Stripe sends."""
    try:
        return _Webhook.model_validate_json(body).data.thing.metadata.order_id
    except ValidationError:
        return None
