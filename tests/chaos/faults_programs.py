"""API processes and workers are killed, terminated, doubled, slowed, and given a wrong clock."""

import asyncio
import random
import time
from pathlib import Path

from tests.chaos.faults_postgres import slow_inserts
from tests.chaos.programs import STOP_SECONDS, Program
from tests.chaos.promises import Fault, FaultFailed
from tests.chaos.stack import Stack
from tests.chaos.stores import thaw

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
UNDER_WAY = 20
FOLD_AGE = "SELECT extract(epoch FROM clock_timestamp() - max(finished_at)) FROM job_runs WHERE job = 'fold'"


async def kill_apis(stack: Stack) -> str:
    """SIGKILL to every API while it writes, then start them again."""
    for api in stack.apis:
        await asyncio.sleep(random.uniform(0, 0.2))
        await api.kill()
    await stack.heal()
    return ""


async def terminate_api(stack: Stack) -> str:
    """SIGTERM with requests under way: each is answered, and the exit status is 0."""
    api = random.choice(stack.apis)
    stack.stores.database.delay_seconds = 0.8
    sent = [asyncio.create_task(stack.send_once(count=5, api=api)) for _ in range(UNDER_WAY)]
    try:
        await asyncio.sleep(0.5)  # by then the API has them all, and none can be stored yet
        code, seconds = await api.terminate()
    finally:
        stack.stores.database.delay_seconds = 0.0
    statuses = await asyncio.gather(*sent)
    await stack.heal()
    if code != 0 or seconds > STOP_SECONDS or set(statuses) != {201}:
        raise FaultFailed(f"exit status {code} after {seconds:.1f} s; requests under way were answered {statuses}")
    return f"exit 0 in {seconds:.1f} s, {UNDER_WAY} of {UNDER_WAY} under way answered 201"


async def terminate_api_while_postgres_hangs(stack: Stack) -> str:
    """SIGTERM when nothing can be written: it must not wait for what does not come."""
    api = random.choice(stack.apis)
    frozen = stack.stores.postgres.freeze()
    try:
        await asyncio.sleep(1)
        code, seconds = await api.terminate()
    finally:
        thaw(frozen)
    await stack.heal()
    if code != 0:
        raise FaultFailed(f"exit status {code} after {seconds:.1f} s")
    return f"exit 0 in {seconds:.1f} s"


async def kill_worker(stack: Stack) -> str:
    """SIGKILL in the middle of a job; another worker, or the next start, does it."""
    until = time.monotonic() + 10
    running = "SELECT true FROM job_runs WHERE outcome = 'running'"
    while not await stack.stores.sql(running, database=stack.database):
        if time.monotonic() > until:
            raise FaultFailed("no job ran within 10 s")
        await asyncio.sleep(0.005)
    for worker in [worker for worker in stack.workers if worker.is_running]:
        await worker.kill()
    await wait_for_fold(stack, since_seconds=0)
    return ""


async def start_workers_together(stack: Stack) -> str:
    """Four more workers at one moment: each wants to do everything at once."""
    await run_beside(stack, [clone(stack, f"extra-{n}") for n in range(4)], seconds=8)
    return ""


async def outlast_period(stack: Stack) -> str:
    """Folding takes longer than its period: runs would overlap."""
    async with slow_inserts(stack, "rollups", seconds=5):
        await asyncio.sleep(10)
    await wait_for_fold(stack, since_seconds=0)
    return ""


async def shift_clocks(stack: Stack) -> str:
    """One worker 90 s ahead, one 90 s behind, and none that is right."""
    for worker in stack.workers:
        await worker.stop()
    right, stack.workers = stack.workers, [clone(stack, f"clock{sign}90", clock=f"{sign}90s") for sign in "+-"]
    try:
        for worker in stack.workers:
            worker.start()
        await asyncio.sleep(12)
        [[age]] = await stack.stores.sql(FOLD_AGE, database=stack.database)
    finally:
        wrong, stack.workers = stack.workers, right
        for worker in wrong:
            await worker.stop()
    if age is None or age > 10:
        raise FaultFailed(f"with wrong clocks the last fold was {age} s ago")
    return f"last fold {float(age):.1f} s ago"


def clone(stack: Stack, name: str, clock: str = "") -> Program:
    """A worker like those that run, with another name and, if wanted, a clock that is off."""
    worker = stack.workers[0]
    shifted = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"} if clock else {}
    return Program(name, worker.command, {**worker.environment, **shifted}, stack.folder / f"{name}.log")


async def run_beside(stack: Stack, workers: list[Program], seconds: float) -> None:
    for worker in workers:
        worker.start()
    await asyncio.sleep(seconds)
    await asyncio.gather(*[worker.stop() for worker in workers])


async def wait_for_fold(stack: Stack, since_seconds: float) -> None:
    """Until a fold ended after this moment. Raises FaultFailed after 30 s."""
    started = time.monotonic()
    while time.monotonic() - started < 30:
        [[age]] = await stack.stores.sql(FOLD_AGE, database=stack.database)
        if age is not None and age < time.monotonic() - started + since_seconds:
            return
        await asyncio.sleep(0.1)
    raise FaultFailed("nothing was folded within 30 s")


def lacks_faketime() -> str:
    return "" if FAKETIME.exists() else "libfaketime is not installed"


FAULTS = (
    Fault("both APIs are killed", kill_apis, times=25, each=2, breaks_connections=True),
    Fault("an API is terminated", terminate_api, times=5, breaks_connections=True),
    Fault(
        "an API is terminated while Postgres hangs",
        terminate_api_while_postgres_hangs,
        times=1,
        breaks_connections=True,
    ),
    Fault("both workers are killed in a job", kill_worker, times=5, refuses=False),
    Fault("four more workers start at once", start_workers_together, refuses=False),
    Fault("a job takes longer than its period", outlast_period, refuses=False),
    Fault("the workers' clocks are 90 s off", shift_clocks, refuses=False, missing=lacks_faketime),
)
