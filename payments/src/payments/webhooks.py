"""Parses Stripe webhooks: the id of the order that an event is about."""

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


def order_id_of(body: bytes) -> str | None:
    """The order id in the metadata of the event's object; None for all other events."""
    try:
        return _Webhook.model_validate_json(body).data.thing.metadata.order_id
    except ValidationError:
        return None
