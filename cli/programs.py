"""`mayday api` and `mayday worker`: the two programs, as operators run them.

Each imports what it stands on when it starts: `mayday worker --check`, which supervisors run all day, and every other
command would else pay for the whole of both.
"""

import asyncio
import gc
import os
import signal
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from cli.migrate import failing_in_a_sentence
from cli.state import find_database, load_settings
from common.database import make_engine
from common.database.clock import CLOCK
from common.logs import configure_logging
from common.settings import Settings
from common.settings.spelling import find_misspelt, find_removed
from common.telemetry.exposition import serve_metrics, shared_folder
from common.telemetry.freshness import find_freshness, find_lateness

if TYPE_CHECKING:
    from fastapi import FastAPI


def api(
    processes: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
) -> None:
    """Run the HTTP program on MAYDAY_HOST and MAYDAY_PORT (and MAYDAY_OTLP_PORT).

    SIGTERM: not ready, then no new ones, then exit 0.
    """
    import uvicorn

    from api.http.connection import Connection
    from api.http.uvicorn_check import UvicornUnfit, check_uvicorn
    from cli.serving import serve

    with failing_in_a_sentence():
        settings = load_settings().require("database_url", "cache_url")
    try:
        check_uvicorn()
    except UvicornUnfit as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for expected in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again after a clean drain: with nothing left to do for it, we exit 0
        signal.signal(expected, lambda *_: None)
    configure_logging(settings, "api")
    warn_of_misspelt()
    with (
        shared_folder(processes) as folder,
        serve_metrics("api", settings.metrics_host, settings.api_metrics_port, folder),
    ):
        config = uvicorn.Config(
            "cli.programs:make_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=processes,
            loop="uvloop",
            http=Connection,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here depends on who the client is
            timeout_graceful_shutdown=settings.shutdown_seconds,
            timeout_keep_alive=settings.keep_alive_seconds,
            # of several processes: after five seconds, the default, those that start on a busy machine were killed in turn
            timeout_worker_healthcheck=30,
        )
        serve(config, [settings.otlp_port] if settings.otlp_port else [])


def make_app() -> "FastAPI":
    """The application of one process, made after uvicorn has set the process up."""
    from api.app import create_app
    from cli.stopping import stopping_softly

    settings = load_settings()
    configure_logging(settings, "api")
    app = create_app(settings)
    app.router.lifespan_context = stopping_softly(app.router.lifespan_context, settings.shutdown_delay_seconds)
    collect_seldom()
    return app


def collect_seldom() -> None:
    """A batch makes thousands of objects that die together. By default the collector would walk all that lives every
    few batches, which doubled the cost of parsing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def worker(
    check: Annotated[bool, typer.Option(help="Only say whether the worker keeps up; exit 1 if it is late.")] = False,
) -> None:
    """Run the worker. SIGTERM: no new jobs; those under way have MAYDAY_SHUTDOWN_SECONDS to end; then exit 0."""
    with failing_in_a_sentence():
        settings = find_database() if check else load_settings().require("database_url", "cache_url", "queue_url")
        if check:
            problem = asyncio.run(find_stall(settings))
            typer.echo(problem or "the worker keeps up")
            if is_off := CLOCK.explain():  # no reason to start it again
                typer.echo(is_off)
            raise typer.Exit(1 if problem else 0)
    from worker.main import run_worker

    configure_logging(settings, "worker")
    warn_of_misspelt()
    raise typer.Exit(run_worker(settings))


def warn_of_misspelt() -> None:
    """Say which variables are probably meant for settings, or were settings, and set none."""
    for name, instead in find_removed(os.environ).items():
        structlog.get_logger().warning("setting_removed", name=name, problem=f"is no longer a setting: {instead}")
    for name, meant in find_misspelt(os.environ).items():
        structlog.get_logger().warning("setting_unknown", name=name, probably=meant)


async def find_stall(settings: Settings) -> str:
    """What is late, as a sentence; empty when nothing is."""
    engine = make_engine(settings, "cli", pool_size=1)
    try:
        await CLOCK.measure(engine)
        return find_lateness(await find_freshness(engine), settings)
    finally:
        await engine.dispose()
