"""Composes a service: its app, its eventing runtime, and how both start and stop."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI

from common import metrics, open_files
from common.contracts.subjects import Subject
from common.gauges import GaugeCollector, GaugeSource, database_gauges
from common.gc_freeze import gc_frozen
from common.logs import configure_logs
from common.messaging.bus import Bus
from common.messaging.consumer import Consumer, Handlers, OrderingKey, aggregate_key
from common.messaging.delivery import Outcome
from common.messaging.event_feed import EventFeed
from common.messaging.event_gauges import consumer_gauges, local_gauges, outbox_gauges
from common.messaging.outbox import Outbox
from common.messaging.runtime import Listener, eventing_runtime
from common.mongo import Collection, Database
from common.read_models import ReadModels
from common.settings import EventSettings, ServiceSettings
from common.shutdown import GracefulShutdown
from common.startup import Startup
from common.tasks import TaskSupervisor
from common.tracing import export_traces, flush_traces
from common.web import health, scrape
from common.web.body_limit import BodyLimitMiddleware
from common.web.cross_origin import CsrfMiddleware
from common.web.error_responses import install_error_responses
from common.web.openapi import create_app
from common.web.request_log import RequestLogMiddleware
from common.web.session import SessionMiddleware
from common.web.startup_gate import StartupGateMiddleware


class Repository(Protocol):
    """Stores what a service owns."""

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents have an outbox."""

    async def prepare(self) -> None:
        """Create the indexes."""


Worker = Callable[[Any, Bus], Awaitable[None]]
"""A background task, with the service's repository and the bus; runs until cancelled."""


def create_service(  # noqa: PLR0913 - one argument for each part of a service
    settings: ServiceSettings,
    *,
    repository: Callable[[Database], Repository],
    router: APIRouter | None = None,
    handlers: Handlers | None = None,
    ordering_key: OrderingKey = aggregate_key,
    streamed: Sequence[Subject] = (),
    workers: Sequence[Worker] = (),
    gauges: Sequence[Callable[[Any], GaugeSource]] = (),
    on_shutdown: Sequence[Callable[[], Awaitable[None]]] = (),
    read_model_of: str = "",
) -> FastAPI:
    """The app of one service; its `state` holds `settings` and, while it runs, `repository`.

    Events with the same `ordering_key` are handled in order. SSE streams show the subjects in
    `streamed`. `workers` run beside the requests; `gauges`, of the repository, are exposed besides
    those of all services; `on_shutdown` is awaited last. `read_model_of` names the service whose
    aggregates clients refer to here; the repository has `list_after` if others keep read models.
    """
    configure_logs(settings.service, settings.log_format, settings.log_level)
    options = (ordering_key, streamed, workers, gauges, on_shutdown, read_model_of)
    parts = _Parts(repository, handlers or {}, *options)
    return _app(settings, router, lambda app: _lifespan(app, settings, parts))


@dataclass(frozen=True)
class _Parts:
    """The parts of a service besides its settings and its router."""

    repository: Callable[[Database], Repository]
    handlers: Handlers
    ordering_key: OrderingKey
    streamed: Sequence[Subject]
    workers: Sequence[Worker]
    gauges: Sequence[Callable[[Any], GaugeSource]]
    on_shutdown: Sequence[Callable[[], Awaitable[None]]]
    read_model_of: str


@asynccontextmanager
async def _lifespan(app: FastAPI, settings: ServiceSettings, parts: _Parts) -> AsyncIterator[None]:
    open_files.raise_limit()
    database = app.state.database = Database(settings.mongo_uri)
    app.state.repository = parts.repository(database)
    app.state.gauges.sources = [database_gauges(database)]
    beginning, work = TaskSupervisor(), AsyncExitStack()
    with app.state.shutdown.signal_handlers():
        if settings.exports_traces:
            export_traces(settings.otel_service_name or settings.service)
        beginning.start(lambda: _begin(app, work, _events(app, settings, parts)))
        try:
            with gc_frozen():
                yield
        finally:
            await beginning.stop()
            await work.aclose()
            for close in (*parts.on_shutdown, flush_traces):
                await close()
            database.close()


async def _begin(
    app: FastAPI, work: AsyncExitStack, events: AbstractAsyncContextManager[None]
) -> None:
    """In the background, while probes are answered: building a large index takes long."""
    startup: Startup = app.state.startup
    await startup.run(app.state.database, app.state.repository.prepare)
    await work.enter_async_context(events)
    app.state.shutdown.is_started = startup.is_complete = True


@asynccontextmanager
async def _events(app: FastAPI, settings: ServiceSettings, parts: _Parts) -> AsyncIterator[None]:
    if not isinstance(settings, EventSettings):
        yield
        return
    repository: Repository = app.state.repository
    bus = Bus(settings.nats_url, service=settings.service, ca_file=settings.nats_ca_file)
    outbox = Outbox(bus, settings.service, repository.outboxes)
    app.state.bus, app.state.database.publish_soon = bus, outbox.publish_soon
    listeners: list[Listener] = []
    consumer: Consumer | None = None
    if handlers := parts.handlers:
        consumer = Consumer(bus, settings.service, handlers, repository, parts.ordering_key)
        listeners.append(consumer)
    if parts.streamed:
        open_files.log_stream_limit(settings.event_streams_limit)
        feed = app.state.event_feed = EventFeed(bus, parts.streamed)
        app.state.shutdown.on_drain.append(feed.close)
        listeners.append(feed)
    _add_gauges(app, settings.service, parts, outbox, consumer)
    read_models = _read_models(app, settings.service, parts, outbox)
    workers = [partial(work, repository, bus) for work in parts.workers]
    async with eventing_runtime(
        bus, [*listeners, *read_models.responders], outbox, [*read_models.workers, *workers]
    ):
        yield


def _read_models(app: FastAPI, service: str, parts: _Parts, outbox: Outbox) -> ReadModels:
    bus, database, repository = app.state.bus, app.state.database, app.state.repository
    read_models = ReadModels(
        bus, service, database, repository, outbox, subscribes=bool(parts.handlers)
    )
    app.state.read_your_writes = read_models.replicated_from(parts.read_model_of)
    app.state.gauges.sources += read_models.gauges
    return read_models


def _add_gauges(
    app: FastAPI, service: str, parts: _Parts, outbox: Outbox, consumer: Consumer | None
) -> None:
    bus, collector = app.state.bus, app.state.gauges
    collector.local = partial(local_gauges, bus, consumer, app.state.event_feed)
    collector.sources += [outbox_gauges(outbox), consumer_gauges(bus, service)]
    collector.sources += [source(app.state.repository) for source in parts.gauges]
    metrics.init_labels(parts.handlers, tuple(Outcome))


def _app(settings: ServiceSettings, router: APIRouter | None, lifespan: Any) -> FastAPI:
    prefix = router.prefix if router else f"/{settings.service}"
    app = create_app(f"Ticketing: {settings.service}", prefix, lifespan)
    app.state.settings, app.state.bus, app.state.event_feed = settings, None, None
    app.state.shutdown = GracefulShutdown(settings.lame_duck_seconds)
    app.state.gauges, app.state.startup = GaugeCollector(), Startup()
    routers = [router] if router else []
    for each in (*routers, health.router, scrape.router):
        app.router.routes += each.routes  # an included router is matched twice, at each request
    install_error_responses(app)
    app.add_middleware(SessionMiddleware, public_keys=settings.jwt_public_key)
    app.add_middleware(CsrfMiddleware)
    app.add_middleware(StartupGateMiddleware, startup=app.state.startup)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(RequestLogMiddleware)
    return app
