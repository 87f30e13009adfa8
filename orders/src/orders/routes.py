"""HTTP routes of the orders service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from common import logs
from common.web.bodies import JsonRoute
from common.web.dependencies import CurrentUser, Feed, Replicated, repository, settings
from common.web.error_responses import errors
from common.web.json_cache import JsonCache
from common.web.paging import PageQuery
from common.web.sse import EventStream
from orders.domain import Order, TicketNotFound
from orders.repository import OrderRepository
from orders.schemas import OrderOut, PlaceOrder, StatusFilter, statuses_of
from orders.settings import Settings
from orders.sse import OrderStream

router = APIRouter(prefix="/api/orders", tags=["orders"], route_class=JsonRoute)


Orders = Annotated[OrderRepository, Depends(repository)]
Configured = Annotated[Settings, Depends(settings)]

CACHE = JsonCache[Order](OrderOut.of)


@router.post(
    "", status_code=201, response_model=OrderOut, responses=errors(400, 401, 404, 409, 415)
)
async def place_order(
    body: PlaceOrder,
    user: CurrentUser,
    orders: Orders,
    settings: Configured,
    replicated: Replicated,
) -> Response:
    """Reserve a ticket, so that nobody else can order it until the order expires."""
    ticket = await replicated.find(orders.ticket, body.ticket_id)
    if ticket is None:
        raise TicketNotFound
    order = Order.place(ticket, user.id, settings.order_window)
    logs.bind(order_id=order.id, ticket_id=ticket.id)
    await orders.add(order)
    return CACHE.response(order, 201)


@router.get("", response_model=list[OrderOut], responses=errors(400, 401))
async def list_orders(
    user: CurrentUser,
    orders: Orders,
    page: PageQuery,
    status: Annotated[list[StatusFilter], Query(default_factory=list)],
) -> Response:
    """The caller's orders, newest first; without `status` all that are not cancelled."""
    found = await orders.list_by_buyer(user.id, statuses_of(status), page.cursor, page.fetch_limit)
    return CACHE.list_response(page.items(found), page.link_header(found))


@router.get("/{order_id}", response_model=OrderOut, responses=errors(401, 403, 404))
async def show_order(user: CurrentUser, order_id: str, orders: Orders) -> Response:
    """One of the caller's orders."""
    order = await orders.get(order_id)
    return CACHE.response(order.visible_to(user.id))


@router.get("/{order_id}/events", response_class=EventStream, responses=errors(401, 403, 404))
async def follow_order(
    user: CurrentUser, order_id: str, orders: Orders, feed: Feed, settings: Configured
) -> EventStream:
    """Server-Sent Events: `order` with the order as it is, and after each change, to its end."""
    (await orders.get(order_id)).visible_to(user.id)
    stream = OrderStream(order_id, orders)
    return EventStream.of(feed, order_id, stream, settings.event_streams_limit)


@router.delete("/{order_id}", status_code=204, responses=errors(401, 403, 404, 409))
async def cancel_order(user: CurrentUser, order_id: str, orders: Orders) -> None:
    """Cancel the order, which releases the ticket; idempotent."""
    await orders.update(order_id, lambda order: order.cancel_by(user.id))
