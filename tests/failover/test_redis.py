"""A Redis that Sentinels watch fails over under load: neither a write nor a read fails of it, and the worker goes on."""

import time
from pathlib import Path

import pytest

from cli.embedded import temporary_home
from tests.chaos.promises import REDIS_SECONDS, Fault, run_fault
from tests.chaos.stack import Stack, run_stack
from tests.failover import TIMES, tell
from tests.failover.sentinels import run_sentinels

QUIET_SECONDS = 5.0  # from the new primary to the next run of a job that runs every two seconds
LAST_FOLD = "SELECT extract(epoch FROM now() - succeeded_at)::float FROM job_runs WHERE job = 'fold'"


@pytest.mark.skipif(TIMES == 1, reason="some minutes: in `./mayday test failover`")
async def test_a_failover_of_redis_fails_no_request_and_the_worker_goes_on(tmp_path: Path) -> None:
    late: list[float] = []
    async with run_sentinels(tmp_path) as sentinels:

        async def inject(stack: Stack) -> str:
            await sentinels.fail_over()
            since = time.monotonic()
            while (await stack.stores.sql(LAST_FOLD))[0][0] > time.monotonic() - since:
                assert time.monotonic() - since < 60, "no job ran within a minute"
            late.append(time.monotonic() - since)
            await sentinels.restore()
            return ""

        fault = Fault("Redis fails over", inject, refuses=False, slowest_seconds=REDIS_SECONDS)
        with temporary_home() as home:
            async with run_stack(home, settings={"MAYDAY_REDIS_URL": sentinels.url}) as stack:
                async with stack.traffic():
                    outcome = await run_fault(fault, stack, TIMES)
                verdict, wrong_sums = await stack.verdict(), await stack.find_wrong_sums()
    tell(f"{TIMES} failovers of Redis: {outcome}, the worker ran again after {max(late):.1f} s at most; {verdict}")
    assert outcome.problems == []
    assert outcome.refused == outcome.broken == 0
    assert verdict.is_clean, verdict
    assert wrong_sums == []
    assert max(late) < QUIET_SECONDS
