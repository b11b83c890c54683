"""A worker process that waits until it is told, and then finds patterns and trends without a pause.

Part of `mayday bench isolation`. It reads a number of seconds a line, works that long, and answers with a line of JSON:
the seconds of each run and of the fold before it, and the CPU of this process. One that ends its input ends it.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Self, cast

from common.settings import ROOT, Settings
from dev.bench.processes import QUIET
from dev.bench.stores import Home, find_patterns, fold_all
from worker.jobs import Tools
from worker.main import open_tools


async def recompute(tools: Tools, seconds: float) -> dict[str, Any]:
    """Fold what came, find patterns, renew trends and the longest window; again and again for so long."""
    began, cpu = time.perf_counter(), time.process_time()
    runs, folds = [], []
    while time.perf_counter() - began < seconds:
        folds.append(await measure(fold_all(tools)))
        runs.append(await measure(find_patterns(tools)))
    return {"runs": runs, "folds": folds, "cpu_seconds": time.process_time() - cpu}


async def measure(work: Awaitable[Any]) -> float:
    """Seconds that it took."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def serve() -> None:
    async with open_tools(Settings.load()) as tools:
        while line := await asyncio.to_thread(sys.stdin.readline):
            sys.stdout.write(json.dumps(await recompute(tools, float(line))) + "\n")
            sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Recomputer:
    """The process, as the bench holds it."""

    process: asyncio.subprocess.Process
    asks: asyncio.StreamWriter
    answers: asyncio.StreamReader

    @classmethod
    async def start(cls, home: Home) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dev.bench.recompute",
            cwd=ROOT,
            env={**os.environ, **home.environment, **QUIET},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process, cast("asyncio.StreamWriter", process.stdin), cast("asyncio.StreamReader", process.stdout))

    async def work(self, seconds: float) -> dict[str, Any]:
        """What `recompute` says. Exits when the process ended."""
        self.asks.write(f"{seconds}\n".encode())
        line = await self.answers.readline()
        if not line:
            raise SystemExit("the worker's process ended: what it said stands above")
        return dict(json.loads(line))

    async def end(self) -> None:
        self.asks.close()
        await self.process.wait()


if __name__ == "__main__":
    asyncio.run(serve())
