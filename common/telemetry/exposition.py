"""The listener that Prometheus asks: one a program, in a thread of its own, so that a stuck event loop still answers.

Its port is not the API's: what it tells is about all projects, and no key of one project may read it. Several API
processes write what they count to files in one folder, and the process that started them adds it up.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import ThreadingMixIn
from tempfile import TemporaryDirectory
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from common.telemetry.declaring import Program
from common.telemetry.metrics import CATALOG

log = structlog.get_logger()

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client looks there when it is imported


class OfProgram(Collector):
    """The metrics that a program tells, out of all that are declared."""

    def __init__(self, program: Program, source: Collector) -> None:
        # the library's own objects know a counter without its `_total`
        self.names = {family.name.removesuffix("_total") for family in CATALOG.families if program in family.programs}
        self.source = source

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from (metric for metric in self.source.collect() if metric.name in self.names)


class OfProcesses(Collector):
    """What the processes of a program have written to their folder; the gauges of those that ended are left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        for pid in {int(path.stem.rpartition("_")[2]) for path in self.folder.glob("gauge_live*_*.db")}:
            if not is_running(pid):
                mark_process_dead(pid, str(self.folder))  # type: ignore[no-untyped-call]
        yield from self.source.collect()  # type: ignore[no-untyped-call]


class QuietHandler(WSGIRequestHandler):
    """Logs no request, and waits for none longer than this."""

    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        pass


class Listener(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_port = False  # two programs on one port would be asked in turns, each as if it were the other


def make_registry(program: Program, folder: Path | None = None) -> CollectorRegistry:
    """The program's metrics; with a folder those of its processes, else of this one, with its CPU time and memory."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(OfProgram(program, OfProcesses(folder) if folder else CATALOG.registry))
    if folder is None:
        ProcessCollector(registry=registry)
    return registry


@contextmanager
def serve_metrics(program: Program, host: str, port: int, folder: Path | None = None) -> Iterator[None]:
    """Answer GET /metrics while the body runs. With port 0, or one that is taken, nothing is listened on."""
    if port == 0:
        yield
        return
    try:
        server = make_server(host, port, make_wsgi_app(make_registry(program, folder)), Listener, QuietHandler)
    except OSError as error:
        cure = f"choose another with MAYDAY_{program.upper()}_METRICS_PORT, or 0 for none"
        log.warning("metrics_not_served", host=host, port=port, reason=str(error), cure=cure)
        yield
        return
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def shared_folder(processes: int) -> Iterator[Path | None]:
    """Where several processes, which must be started within, write what they count; None for a single one."""
    if processes == 1:
        yield None
        return
    with TemporaryDirectory(prefix="mayday-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ[FOLDER_VARIABLE]


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
