"""The HTTP program: `create_app` is the one place where its parts meet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from typing import Any, TypedDict

from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Scope
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

from api.access import project_routes
from api.access.key_uses import KeyUses
from api.access.keys import DsnRing, KeyRing, LookUps
from api.access.quotas import Quotas
from api.access.routers import paths_for, refuse_unguarded
from api.access.sessions import SessionRing
from api.access.shares import Shares, gate_of, half
from api.agents import routes as agent_routes
from api.agents.answered import make_answered_calls
from api.agents.fast import fast_agents
from api.agents.server import make_server
from api.agents.transport import Protocol
from api.alerts import channel_reads, channel_routes, rule_reads, rule_routes
from api.contract import describe, get_document
from api.http import problems
from api.http.bodies import BodyBudget, BodyLimits
from api.http.fast_lane import FastLane
from api.http.middleware import RequestLines, RequestMiddleware
from api.http.origins import AnyOrigin, IngestOrigins, OwnOrigin
from api.http.responder import Responder
from api.ingest import otlp_routes, sentry_routes, shipper_routes
from api.ingest import routes as ingest_routes
from api.ingest.errors import ErrorPipeline
from api.ingest.fast import fast_writes
from api.ingest.pipeline import Pipeline
from api.ingest.receivers.sentry.answers import SHOWN_HEADERS
from api.ingest.scheduler import BodyScheduler
from api.ingest.sentry_fast import fast_envelopes
from api.ingest.sentry_intake import SentryIntake
from api.ingest.sentry_routes import PATHS as SENTRY_PATHS
from api.pages import failing
from api.pages import routes as page_routes
from api.pages.fast import fast_pages
from api.pages.shown import ShownPages
from api.reads import entries
from api.reads.caching import Reads
from api.reads.catalogue import BuildContext
from api.reads.fast import fast_reads
from api.reads.replica import Replica
from api.reads.routes import make_router
from api.spending import budget_routes, otlp_usage, price_routes, usage_routes
from api.spending import reads as spending_reads
from api.spending.reservations import Checks
from api.spending.usage_pipeline import make_usage_pipeline
from api.spending.usage_schemas import UsageIn
from api.status import health
from api.status import routes as status_routes
from api.status.background import in_background
from api.status.memory import give_back_memory
from api.status.starting import start
from api.status.watching import look_once, watch
from api.storing.announcer import Announcer
from api.storing.errors import store_errors
from api.storing.losses import Losses
from api.storing.other_days import EarlyDays
from api.storing.rows import ErrorRow, UsageRow
from api.storing.usage import store_usage
from api.storing.writer import Writer
from api.triage import history
from api.triage import routes as triage_routes
from common.cache import Cache
from common.compression import COMPRESS_FROM_BYTES
from common.database import ONE_PLAN, close_engine, make_engine, without_transactions
from common.keys import Scope as KeyScope
from common.pricing import load_catalog
from common.settings import Settings
from common.telemetry.traces import tracing
from common.version import VERSION

# For all but reads. Of them so many are never a project's: for keys, for readiness, and for watching the worker.
API_CONNECTIONS, UNSHARED = 6, 2
# Everything that may be read of a project.
CATALOGUE = (*spending_reads.READS, *entries.READS, *history.READS, *channel_reads.READS, *rule_reads.READS)
DESCRIPTION = "An error log that stays fast: errors in by batch, patterns and recent errors out of a cache."


class State(TypedDict):
    """What a request finds in `request.state`; opened in this order, closed in reverse."""

    settings: Settings
    stopping: asyncio.Event
    engine: AsyncEngine
    shares: Shares
    read_shares: Shares
    cache: Cache
    key_ring: KeyRing
    session_ring: SessionRing
    dsn_ring: DsnRing
    probes: health.Probes
    quotas: Quotas
    scheduler: BodyScheduler
    writer: Writer[ErrorRow]
    pipeline: ErrorPipeline
    losses: Losses
    sentry_intake: SentryIntake
    usage_writer: Writer[UsageRow]
    usage_pipeline: Pipeline[UsageIn, UsageRow]
    otlp: otlp_routes.Destinations
    checks: Checks
    reads: Reads
    shown_pages: ShownPages
    build_context: BuildContext
    lines: RequestLines
    responder: Responder
    agents: Protocol
    fast_lane: FastLane


def create_app(settings: Settings) -> FastAPI:
    """The application, which opens its stores when it starts. Raises SettingsInvalid when a URL is missing."""
    settings.require("database_url", "cache_url").refuse_weak(["read_database_url"])
    bodies = BodyBudget()
    app = FastAPI(
        title="Mayday",
        version=VERSION,
        description=DESCRIPTION,
        routes=list_routes(),
        lifespan=lifespan_of(settings, bodies),
        generate_unique_id_function=name_operation,
        redirect_slashes=False,
        # spans and metrics are made in RequestMiddleware; FastAPI asks the environment for its own at every request
        telemetry={"tracing": False, "metrics": False, "logs": False},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    problems.install(app)
    # the last one added is the outermost
    app.add_middleware(BodyLimits, settings=settings, held=bodies)
    add_compress_type("application/problem+json")
    remove_compress_type(
        "text/event-stream"
    )  # MCP's say no-transform, and the SDK's client could not read some that were packed
    app.add_middleware(CompressMiddleware, minimum_size=COMPRESS_FROM_BYTES)
    app.add_middleware(IngestOrigins, paths=paths_for(KeyScope.ingest, app.routes), origins=settings.ingest_origins)
    app.add_middleware(OwnOrigin, paths=frozenset({agent_routes.PATH}), public_url=settings.public_url)
    app.add_middleware(AnyOrigin, paths=SENTRY_PATHS, shown_headers=SHOWN_HEADERS)
    app.add_middleware(RequestMiddleware, settings=settings, find_problem_form=find_problem_form)
    return app


@cache
def list_routes() -> list[BaseRoute]:
    """What the application answers, whatever its settings. FastAPI reads the signature of each function for it, which takes
    as long as the rest of a start."""
    rooms = FastAPI(
        generate_unique_id_function=name_operation,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    for router in (
        health.router,
        ingest_routes.router,
        otlp_routes.router,
        sentry_routes.router,
        shipper_routes.router,
        usage_routes.router,
        price_routes.router,
        budget_routes.router,
        make_router(CATALOGUE),
        triage_routes.router,
        rule_routes.router,
        channel_routes.router,
        status_routes.router,
        project_routes.keys,
        project_routes.projects,
        agent_routes.router,
        *page_routes.ROUTERS,
    ):
        rooms.include_router(router)
    rooms.add_route("/openapi.json", get_document, include_in_schema=False)
    page_routes.add_public_routes(rooms)
    refuse_unguarded(rooms.routes)
    return rooms.routes


def lifespan_of(settings: Settings, bodies: BodyBudget) -> Any:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            stack.enter_context(tracing("api"))
            engine = make_engine(settings, "api", pool_size=API_CONNECTIONS, session=ONE_PLAN)
            stack.push_async_callback(close_engine, engine)
            reading = make_engine(settings, "api_reads", session=ONE_PLAN)
            stack.push_async_callback(close_engine, reading)
            shares = Shares(engine, gate_of(API_CONNECTIONS - UNSHARED))
            connections = settings.database_pool_size
            read_shares = Shares(without_transactions(reading, settings), gate_of(connections))
            replica = await stack.enter_async_context(reading_replica(settings, engine))
            build_context = BuildContext(read_shares, shares, gate_of(half(connections)), settings, replica)
            cache = Cache.connect(settings)
            stack.push_async_callback(cache.close)
            quotas = await stack.enter_async_context(Quotas(cache, settings))
            announcer = await stack.enter_async_context(Announcer(cache, settings.recent_max_age_seconds))
            scheduler = BodyScheduler()
            store = partial(store_errors, scheduler)
            writer = await stack.enter_async_context(Writer(settings, "errors", store, announcer.note_errors))
            store_sums = partial(store_usage, settings.usage_names_max)
            usage_writer = await stack.enter_async_context(Writer(settings, "usage", store_sums, announcer.note_usage))
            await asyncio.to_thread(load_catalog)  # half a second that no request should wait for
            losses = Losses(engine)
            stack.push_async_callback(losses.write)
            early_days = EarlyDays()
            await look_once(engine, early_days)
            engines = [engine, reading, writer.engine, usage_writer.engine]
            await stack.enter_async_context(in_background(start(engines, settings), "starting"))
            await stack.enter_async_context(in_background(watch(engine, settings, early_days), "watching"))
            await stack.enter_async_context(in_background(give_back_memory(), "giving_back_memory"))
            await stack.enter_async_context(in_background(losses.keep_writing(), "writing_losses"))
            looking_up = without_transactions(engine, settings)
            key_uses = await stack.enter_async_context(KeyUses(engine))
            of_strangers = LookUps(settings.key_lookups_per_second)
            key_ring = KeyRing(looking_up, settings.key_cache_seconds, of_strangers, key_uses.note)
            dsn_ring = DsnRing(looking_up, settings.key_cache_seconds, of_strangers, key_uses.note)
            session_ring = SessionRing(looking_up, settings.key_cache_seconds, of_strangers)
            pipeline = ErrorPipeline(settings, writer, scheduler, early_days)
            sentry_intake = SentryIntake(pipeline, losses, shares)
            usage_pipeline = make_usage_pipeline(settings, usage_writer, scheduler, shares)
            otlp_usage_of = otlp_routes.Destination(usage_pipeline, otlp_usage.RECEIVERS, otlp_usage.may_hold_usage)
            probes = health.Probes(note_failure=lambda _: None)  # who asks is told
            stack.push_async_callback(probes.end_all)
            lines = RequestLines(settings)
            responder = Responder(settings.request_seconds, lines)
            reads = Reads(cache, settings)
            stack.push_async_callback(reads.close)
            shown_pages = ShownPages()
            agents = Protocol.of(make_server(), make_answered_calls())
            await stack.enter_async_context(agents.running())
            fast_lane: FastLane = {
                **fast_writes(settings, key_ring, quotas, pipeline, bodies, responder),
                **fast_envelopes(sentry_intake, dsn_ring, quotas, bodies, responder),
                **fast_reads(settings, key_ring, quotas, reads, build_context, responder),
                **fast_pages(session_ring, quotas, reads, shown_pages, responder),
                **fast_agents(settings, key_ring, quotas, reads, bodies, responder, agents.answered),
            }
            yield {
                "settings": settings,
                "stopping": asyncio.Event(),
                "engine": engine,
                "shares": shares,
                "read_shares": read_shares,
                "cache": cache,
                "key_ring": key_ring,
                "session_ring": session_ring,
                "dsn_ring": dsn_ring,
                "probes": probes,
                "quotas": quotas,
                "scheduler": scheduler,
                "writer": writer,
                "pipeline": pipeline,
                "losses": losses,
                "sentry_intake": sentry_intake,
                "usage_writer": usage_writer,
                "usage_pipeline": usage_pipeline,
                "otlp": otlp_routes.make_destinations(pipeline, otlp_usage_of),
                "checks": Checks(shares),
                "reads": reads,
                "shown_pages": shown_pages,
                "build_context": build_context,
                "lines": lines,
                "responder": responder,
                "agents": agents,
                "fast_lane": fast_lane if settings.fast_lane == "on" else {},
            }

    return lifespan


@asynccontextmanager
async def reading_replica(settings: Settings, primary: AsyncEngine) -> AsyncIterator[Replica | None]:
    """The standby that answers reads, looked after; None where there is none."""
    if not settings.read_database_url:
        yield None
        return
    there = settings.model_copy(update={"database_url": settings.read_database_url})
    engine = make_engine(there, "api_replica", session=ONE_PLAN, takes_writes=False)
    try:
        shares = Shares(without_transactions(engine, there), gate_of(settings.database_pool_size))
        replica = Replica(shares, primary, settings.read_behind_max_seconds)
        async with in_background(replica.keep_looking(), "looking_at_replica"):
            yield replica
    finally:
        await close_engine(engine)


def find_problem_form(path: str) -> Callable[[HTTPException, Scope], Response] | None:
    """How failures are answered on a path that has a form of its own for them; None where they are problem documents."""
    return otlp_routes.find_problem_form(path) or failing.find_problem_form(path)


def name_operation(route: APIRoute) -> str:
    """The handler's name: generated clients call their methods so."""
    return route.name
