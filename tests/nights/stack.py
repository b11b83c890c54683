"""Programs at the shipped intervals, with metrics that Prometheus finds as it would by names: looked up every 30 s."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.status.background import in_background
from common.settings import Settings
from tests.chaos.programs import Api, Program, free_port, make_api, make_worker
from tests.chaos.stack import Stack, run_stack
from tests.nights.prometheus import LOOKUP_SECONDS, Prometheus, run_prometheus

SHIPPED = Settings()
SETTINGS = {
    "MAYDAY_LOG_LEVEL": "warning",
    "MAYDAY_FOLD_EVERY_SECONDS": str(SHIPPED.fold_every_seconds),
    "MAYDAY_PATTERNS_EVERY_SECONDS": str(SHIPPED.patterns_every_seconds),
    "MAYDAY_SHUTDOWN_DELAY_SECONDS": "2",
}
APIS = 2


@dataclass(slots=True)
class Night:
    """What runs, and the Prometheus that looks at it."""

    stack: Stack
    prometheus: Prometheus
    programs: AsyncExitStack
    started: int = 0
    beside: list[Api] = field(default_factory=list)  # further APIs, which the clients do not use

    async def start_api(self, **settings: object) -> Api:
        """Another API, ready, with settings of its own."""
        api = make_api(self.name("api"), self.environment(**settings), self.stack.folder)
        await self.start(api)
        await api.wait_until_ready()
        return api

    async def start_worker(self) -> Program:
        """Another worker, which is kept running."""
        environment = self.environment(worker_metrics_port=free_port())
        worker = make_worker(self.name("worker"), environment, self.stack.folder)
        await self.start(worker)
        self.stack.workers.append(worker)
        return worker

    async def start(self, program: Program) -> None:
        self.programs.push_async_callback(program.stop)
        program.start()

    def name(self, kind: str) -> str:
        self.started += 1
        return f"{kind}-{self.started}"

    def environment(self, **settings: object) -> dict[str, str]:
        given = {f"MAYDAY_{name.upper()}": str(value) for name, value in settings.items()}
        return {**self.stack.apis[0].environment, **given}

    def look_up(self) -> None:
        """Tell Prometheus where the programs are that are there now."""
        workers = [int(worker.environment["MAYDAY_WORKER_METRICS_PORT"]) for worker in self.stack.workers]
        apis = [api.metrics_port for api in (*self.stack.apis, *self.beside)]
        self.prometheus.find_at({"mayday-api": apis, "mayday-worker": workers})

    async def keep_looking_up(self) -> None:
        while True:
            self.look_up()
            await asyncio.sleep(LOOKUP_SECONDS)


@asynccontextmanager
async def run_night(folder: Path) -> AsyncIterator[Night]:
    """Two APIs, a worker, and Prometheus."""
    async with (
        run_stack(folder, apis=APIS, workers=0, settings=SETTINGS) as stack,
        run_prometheus(folder / "prometheus") as prometheus,
        AsyncExitStack() as programs,
    ):
        night = Night(stack, prometheus, programs)
        await night.start_worker()
        async with in_background(night.keep_looking_up(), "lookup"), in_background(prometheus.watch(), "watch"):
            yield night
