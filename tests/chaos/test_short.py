"""The short form of the chaos run: some faults of each kind. `./mayday test chaos` is the long one."""

import asyncio
from functools import partial

from cli.embedded import temporary_home
from tests.chaos import faults_postgres, faults_redis
from tests.chaos.faults_programs import kill_apis, terminate_api
from tests.chaos.promises import Fault
from tests.chaos.run import Report, break_all
from tests.chaos.stack import run_stack

FAULTS = (
    *[Fault("the answer to a COMMIT is cut", faults_postgres.cut_commit)] * 3,
    Fault("the answer to a COMMIT of usage is cut", faults_postgres.cut_commit_of_usage),
    Fault("Postgres crashes", faults_postgres.crash),
    Fault("deadlock", faults_postgres.deadlock, refuses=False),
    Fault("Redis is hung", partial(faults_redis.freeze, seconds=2), refuses=False),
    Fault("both APIs are killed", kill_apis, each=2, breaks_connections=True),
    Fault("an API is terminated", terminate_api, breaks_connections=True),
)
LONGEST_SECONDS = 240  # it takes 45; once it waited for ever, and a traceback says where


async def test_nothing_acknowledged_is_lost_or_stored_twice() -> None:
    report = Report()
    with temporary_home() as folder:
        async with run_stack(folder, settings={"MAYDAY_LOG_LEVEL": "warning"}) as stack:
            async with asyncio.timeout(LONGEST_SECONDS):
                await break_all(stack, FAULTS, report, print, once=True)
    assert report.problems == []
    assert report.verdict.acknowledged > 0
