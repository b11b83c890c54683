"""`mayday test fleet`: three API processes and three workers; one of each is killed and added every few seconds.

Two minutes (MAYDAY_TEST_FLEET_SECONDS), so not part of `mayday test`. Then the queue's server is started again.
"""

import asyncio
import os
import time
from datetime import UTC, datetime

from cli.embedded import temporary_home
from tests.chaos.promises import Fault, run_fault
from tests.chaos.stack import QUICK, Stack, run_stack
from tests.fleet.history import ended_runs, find_double_runs, keep_history, longest_gap_seconds

SECONDS = float(os.environ.get("MAYDAY_TEST_FLEET_SECONDS", "120"))
OF_EACH = 3
EVERY_SECONDS = 4.0
TICKS_AGAIN_SECONDS = 10.0
PERIODS = {job: float(QUICK[f"MAYDAY_{job.upper()}_EVERY_SECONDS"]) for job in ("fold", "patterns")}
SETTINGS = {"MAYDAY_LOG_LEVEL": "warning"}


async def churn(stack: Stack) -> str:
    """Turn by turn kill an API and a worker, and start another in the place of each; the number of turns."""
    until, turns = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        began = time.monotonic()
        api = stack.apis[turns % OF_EACH]
        for program in (api, stack.workers[turns % OF_EACH]):
            if program.is_running:
                await program.kill()
            program.start()
        await api.wait_until_ready()
        turns += 1
        await asyncio.sleep(max(EVERY_SECONDS - (time.monotonic() - began), 0))
    return str(turns)


async def test_programs_come_and_go_under_load_and_nothing_is_lost_or_done_twice() -> None:
    fault = Fault("one of each is killed and added", churn, breaks_connections=True, refuses=False)
    with temporary_home() as folder:
        async with run_stack(folder, apis=OF_EACH, workers=OF_EACH, settings=SETTINGS) as stack:
            await keep_history(stack)
            async with stack.traffic(senders=4, per_second=2.5):
                outcome = await run_fault(fault, stack, times=1)
            verdict = await stack.verdict()
            wrong_sums = await stack.find_wrong_sums()
            runs = {job: await ended_runs(stack, job) for job in PERIODS}
    tell(
        f"{outcome.figures[0]} of each killed and added in {SECONDS:.0f} s, {outcome.answers:,} answers",
        f"{outcome.broken} connections broken, {outcome.refused} refused, slowest {outcome.slowest_seconds:.2f} s",
        str(verdict),
        *[
            f"{job}: {len(ended)} runs, the longest gap {longest_gap_seconds(ended):.1f} s"
            for job, ended in runs.items()
        ],
    )
    assert outcome.problems == []
    assert outcome.refused == 0
    assert verdict.is_clean
    assert wrong_sums == []
    for job, ended in runs.items():
        assert find_double_runs(ended, PERIODS[job]) == []
        assert len(ended) >= 0.5 * SECONDS / PERIODS[job]


async def test_ticks_go_on_while_the_queue_is_away_and_pass_through_it_when_it_is_back() -> None:
    with temporary_home() as folder:
        async with run_stack(folder, apis=1, workers=2, settings=SETTINGS) as stack:
            await keep_history(stack)
            async with stack.traffic(senders=1):
                await wait_for_queued_tick(stack)
                gone_at = datetime.now(UTC)
                await stack.stores.valkey.crash()
                await asyncio.sleep(5)
                await stack.stores.valkey.start()
                ticked_seconds = await wait_for_queued_tick(stack)
                await asyncio.sleep(2 * PERIODS["fold"])
            folds = [run for run in await ended_runs(stack, "fold") if run.finished_at > gone_at]
            wrong_sums = await stack.find_wrong_sums()
    tell(
        f"a tick passed the queue {ticked_seconds:.1f} s after it was back",
        f"the longest gap between two folds was {longest_gap_seconds(folds):.1f} s",
    )
    assert ticked_seconds < TICKS_AGAIN_SECONDS
    assert longest_gap_seconds(folds) < TICKS_AGAIN_SECONDS
    assert find_double_runs(folds, PERIODS["fold"]) == []
    assert wrong_sums == []


async def wait_for_queued_tick(stack: Stack) -> float:
    """Seconds until the server has seen arq put a job into the queue; its counts begin anew with each start."""
    started = time.monotonic()
    async with asyncio.timeout(60), stack.stores.redis_client() as redis:
        while "cmdstat_zadd" not in await redis.info("commandstats"):
            await asyncio.sleep(0.05)
    return time.monotonic() - started


def tell(*lines: str) -> None:
    """For pytest's -rP."""
    print(*lines, sep="\n")  # noqa: T201
