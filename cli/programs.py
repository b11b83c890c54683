"""`mayday api` and `mayday worker`: the two programs, as operators run them."""

import signal
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from cli.migrate import failing_in_a_sentence
from common.logs import configure_logging
from common.settings import Settings
from worker.main import run_worker

DRAIN_SECONDS = 15


def api(
    processes: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
) -> None:
    """Run the HTTP program on MAYDAY_HOST and MAYDAY_PORT. SIGTERM answers what is under way, then exits 0."""
    with failing_in_a_sentence():
        settings = Settings.load().require("database_url", "cache_url")
    for expected in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again after a clean drain: with nothing left to do for it, we exit 0
        signal.signal(expected, lambda *_: None)
    uvicorn.run(
        "cli.programs:make_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=processes,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=75,
    )


def make_app() -> FastAPI:
    """The application of one process, made after uvicorn has set the process up."""
    settings = Settings.load()
    configure_logging(settings, "api")
    return create_app(settings)


def worker() -> None:
    """Run the worker. SIGTERM lets the job under way end, then exits 0."""
    with failing_in_a_sentence():
        settings = Settings.load().require("database_url", "cache_url", "queue_url")
    configure_logging(settings, "worker")
    raise typer.Exit(run_worker(settings))
