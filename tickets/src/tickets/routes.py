"""HTTP routes of the tickets service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from common import logs
from common.errors import NotAuthenticated
from common.messaging.topics import ALL_EVENTS
from common.web.bodies import JsonRoute
from common.web.dependencies import CurrentUser, Feed, OptionalUser, repository, settings
from common.web.error_responses import errors
from common.web.json_cache import JsonCache
from common.web.paging import PageQuery
from common.web.sse import EventStream
from tickets.domain import Ticket
from tickets.repository import TicketRepository
from tickets.schemas import TicketIn, TicketOut
from tickets.settings import Settings
from tickets.sse import TicketStream
from tickets.tokenizer import tokenize

router = APIRouter(prefix="/api/tickets", tags=["tickets"], route_class=JsonRoute)


Tickets = Annotated[TicketRepository, Depends(repository)]
Configured = Annotated[Settings, Depends(settings)]

CACHE = JsonCache[Ticket](TicketOut.of)


@router.post("", status_code=201, response_model=TicketOut, responses=errors(400, 401, 415))
async def list_ticket(body: TicketIn, user: CurrentUser, tickets: Tickets) -> Response:
    """Put a ticket up for sale."""
    ticket = Ticket.list_for_sale(body.title, body.price, user.id)
    logs.bind(ticket_id=ticket.id)
    await tickets.add(ticket)
    return CACHE.response(ticket, 201)


@router.get("", response_model=list[TicketOut], responses=errors(400, 401))
async def browse_tickets(
    page: PageQuery,
    user: OptionalUser,
    tickets: Tickets,
    mine: bool = False,
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Tickets that nobody holds, or with `mine` all of the caller's, newest first.

    With `q` those in whose title every word of it begins a word; case and accents do not count. A
    page of a search may hold less than `limit`, even nothing: as long as it links to a next one,
    there are tickets that were not looked at.
    """
    words = tokenize(q)
    if not mine:
        found = await tickets.list_free(words, page.cursor, page.fetch_limit)
    elif user is None:
        raise NotAuthenticated
    else:
        found = await tickets.list_by_seller(user.id, words, page.cursor, page.fetch_limit)
    return CACHE.list_response(
        page.items(found.tickets), page.link_header(found.tickets, found.resume_after)
    )


@router.get("/events", response_class=EventStream, responses=errors())
async def follow_tickets(
    feed: Feed,
    settings: Configured,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
    """Server-Sent Events: `ticket` for each ticket that is listed, edited, held, freed or sold.

    They go on after `Last-Event-ID`; `reset` says that this is not possible, so load the list anew.
    """
    stream = TicketStream(feed, last_event_id)
    return EventStream.of(feed, ALL_EVENTS, stream, settings.event_streams_limit)


@router.get("/{ticket_id}", response_model=TicketOut, responses=errors(404))
async def show_ticket(ticket_id: str, tickets: Tickets) -> Response:
    """One ticket, held or not."""
    return CACHE.response(await tickets.get(ticket_id))


@router.put(
    "/{ticket_id}", response_model=TicketOut, responses=errors(400, 401, 403, 404, 409, 415)
)
async def edit_ticket(
    ticket_id: str, body: TicketIn, user: CurrentUser, tickets: Tickets
) -> Response:
    """Change title and price, as long as nobody holds the ticket."""
    ticket = await tickets.update(
        ticket_id, lambda current: current.edit(body.title, body.price, user.id)
    )
    return CACHE.response(ticket)
