"""What each alert is for, made true: programs ended, stores cut off, clocks off, clients that do what they should not.

Whatever lasts minutes runs at once, most of it at an API of its own beside those that the clients use. In the end the worker
is ended, Redis is cut off and an API is killed, which the others would hear of.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from api.status.background import in_background
from cli.embedded.postgres import DATABASE, USER
from cli.keys import in_transaction
from common.keys import Scope
from common.projects import create_key
from common.settings import Settings
from tests.chaos.faults_programs import FAKETIME, lacks_faketime
from tests.chaos.programs import Api
from tests.chaos.proxy import Proxy
from tests.nights.prometheus import Alert, list_alerts
from tests.nights.stack import Night

NOT_WITHIN_MINUTES = ("MaydayPartitionsMissing", "MaydayErrorsWithoutDay", "MaydayDatabaseGrowsFast")
LONGEST_SECONDS = 1_200.0  # a quarter of an hour of rejected items, and until they are counted
BATCH_ROWS = 18
ERROR = {"service": "shop", "severity": "error", "message": "card declined"}
CLOCK_A_DAY_AHEAD = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+1d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

Ask = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]
# A budget whose period nobody can tell: the worker's job of budgets fails for it, and for no other.
ADD_BROKEN_BUDGET = """
    INSERT INTO budgets (project_id, budget_id, name, scope, scope_value, metric, amount, period, timezone, thresholds, made_at)
    VALUES ($1, $2, 'broken', 'project', '', 'tokens', 10, 'month', 'Nowhere/Land', '{50}', now())
"""


async def keep_asking(api: Api, key: str, ask: Ask, pause_seconds: float) -> None:
    """Ask for ever; whatever is answered, or not."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=20, trust_env=False) as client:
        for number in itertools.count():
            with suppress(httpx.HTTPError):
                await ask(client, number)
            await asyncio.sleep(pause_seconds)


async def send_errors(client: httpx.AsyncClient, _: int) -> httpx.Response:
    return await client.post("/api/errors/batch", json={"errors": [ERROR] * BATCH_ROWS})


async def send_rejected(client: httpx.AsyncClient, _: int) -> httpx.Response:
    return await client.post("/api/errors/batch", json={"errors": [{"service": "shop"}] * 100})


async def send_new_agents(client: httpx.AsyncClient, number: int) -> httpx.Response:
    record = {"event_key": str(uuid4()), "occurred_at": datetime.now(UTC).isoformat(), "total_tokens": 100,
              "team": "ops", "agent": f"agent {number}", "model": "claude-haiku-4-5"}  # fmt: skip
    return await client.post("/api/usage/batch", json={"records": [record]})


async def read_anew(client: httpx.AsyncClient, number: int) -> httpx.Response:
    return await client.get("/api/errors/recent", params={"limit": 1 + number % 200})


async def read_one(client: httpx.AsyncClient, _: int) -> httpx.Response:
    return await client.get("/api/errors", params={"limit": 1})


@asynccontextmanager
async def own_postgres(night: Night, **settings: object) -> AsyncIterator[tuple[Api, Proxy]]:
    """An API that reaches Postgres by a way of its own, which can be disturbed."""
    async with Proxy(night.stack.stores.database.upstream) as proxy:
        url = f"postgresql://{USER}@127.0.0.1:{proxy.port}/{DATABASE}"
        api = await night.start_api(database_url=url, **settings)
        night.beside.append(api)
        try:
            yield api, proxy
        finally:
            await api.kill()
            night.beside.remove(api)


@asynccontextmanager
async def asked(api: Api, key: str, ask: Ask, pause_seconds: float, clients: int = 1) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for number in range(clients):
            work = keep_asking(api, key, ask, pause_seconds)
            await stack.enter_async_context(in_background(work, f"{ask.__name__}-{number}"))
        yield


@asynccontextmanager
async def postgres_refuses_one_api(night: Night) -> AsyncIterator[None]:
    async with own_postgres(night) as (api, proxy):
        proxy.refuse()
        async with asked(api, night.stack.target.ingest_key, send_errors, 0.3, clients=3):
            yield


@asynccontextmanager
async def postgres_is_slow_for_one_api(night: Night) -> AsyncIterator[None]:
    """Its buffer holds hardly more than one batch, and a flush takes seconds."""
    async with (
        own_postgres(night, writer_buffer_max_errors=BATCH_ROWS + 2, writer_flushers=1) as (api, proxy),
        asked(api, night.stack.target.ingest_key, send_errors, 0.02, clients=6),
    ):
        await asyncio.sleep(1)
        proxy.delay_seconds = 0.7
        yield
        proxy.delay_seconds = 0


@asynccontextmanager
async def postgres_is_far_from_one_api(night: Night) -> AsyncIterator[None]:
    """It has one connection for reads, and each question takes over a second."""
    async with (
        own_postgres(night, database_pool_size=1, database_connect_seconds=20) as (api, proxy),
        asked(api, night.stack.target.read_key, read_one, 0.05, clients=4),
    ):
        await asyncio.sleep(1)
        proxy.delay_seconds = 1.2
        yield
        proxy.delay_seconds = 0


@asynccontextmanager
async def clock_is_ahead(night: Night) -> AsyncIterator[None]:
    api = await night.start_api()
    await api.terminate()
    api.environment = {**api.environment, **CLOCK_A_DAY_AHEAD}
    api.start()
    await api.wait_until_ready()
    night.beside.append(api)
    yield


@asynccontextmanager
async def clients_do_what_they_should_not(night: Night) -> AsyncIterator[None]:
    """Items without a message, more than the limit, names without end, reads that nobody asked before."""
    target = night.stack.target
    api = await night.start_api(limit_key_requests=600, usage_names_max=1)
    night.beside.append(api)
    async with (
        asked(night.stack.apis[0], target.ingest_key, send_rejected, 0.5),
        asked(api, target.ingest_key, send_new_agents, 0.05),
        asked(night.stack.apis[1], target.read_key, read_anew, 0.1, clients=2),
    ):
        yield


@asynccontextmanager
async def budget_is_exceeded_and_another_is_broken(night: Night) -> AsyncIterator[None]:
    target = night.stack.target
    settings = Settings.load(database_url=night.stack.stores.direct_url())
    admin = await in_transaction(settings, lambda c: create_key(c, target.project_id, Scope.admin, "nights"))
    budget = {"name": "all", "scope": "project", "metric": "tokens", "limit": 10, "period": "month"}
    answer = await night.stack.client.post(
        f"{target.apis[0].url}/api/budgets", json=budget, headers={"Authorization": f"Bearer {admin}"}
    )
    assert answer.status_code == 201, answer.text
    await night.stack.stores.sql(ADD_BROKEN_BUDGET, target.project_id, uuid4())
    yield


@asynccontextmanager
async def worker_is_ended(night: Night) -> AsyncIterator[None]:
    workers = list(night.stack.workers)
    night.stack.workers.clear()
    for worker in workers:
        await worker.terminate()
    yield


@asynccontextmanager
async def redis_refuses(night: Night) -> AsyncIterator[None]:
    night.stack.stores.redis.refuse()
    yield
    night.stack.stores.redis.accept()


@asynccontextmanager
async def api_is_killed(night: Night) -> AsyncIterator[None]:
    api = await night.start_api()
    night.beside.append(api)
    night.look_up()
    await api.kill()
    yield


Cause = Callable[[Night], Any]
# What is made true at once, with the alerts that must fire for it.
AT_ONCE: Mapping[Cause, tuple[str, ...]] = {
    budget_is_exceeded_and_another_is_broken: ("MaydayBudgetCrossed", "MaydayJobFailing"),
    postgres_refuses_one_api: ("MaydayServerErrors", "MaydayIngestFailing"),
    postgres_is_slow_for_one_api: ("MaydayBufferNearlyFull",),
    postgres_is_far_from_one_api: ("MaydayReadsSlow", "MaydayPoolExhausted"),
    clock_is_ahead: ("MaydayClockOff",),
    clients_do_what_they_should_not: (
        "MaydayItemsRejected",
        "MaydayRequestsLimited",
        "MaydayOverflow",
        "MaydayCacheHitRatioLow",
    ),
}
IN_THE_END: Mapping[Cause, tuple[str, ...]] = {
    worker_is_ended: ("MaydayWorkerLate", "MaydayCountsLag"),
    redis_refuses: ("MaydayCacheAway",),
    api_is_killed: ("MaydayApiDown",),
}


async def make_all_true(night: Night, say: Callable[[str], None]) -> list[str]:
    """Each cause, and its alerts; those that did not fire, in a sentence each."""
    by_cause = {**AT_ONCE, **IN_THE_END}
    expected = [name for names in by_cause.values() for name in names]
    assert {*expected, *NOT_WITHIN_MINUTES} == set(list_alerts())
    missing: list[str] = []
    async with night.stack.traffic(senders=2, per_second=1.0):
        await asyncio.sleep(60)  # so that it is known how things are when all is well
        problems = [f"fired before anything was wrong: {name}" for name in night.prometheus.fired()]
        for causes in (AT_ONCE, IN_THE_END):
            missing += await make_true(night, causes, say)
    return problems + [f"did not fire: {name}" for name in missing]


async def make_true(night: Night, causes: Mapping[Cause, tuple[str, ...]], say: Callable[[str], None]) -> list[str]:
    """Make all of them true at the same time and wait for their alerts; the names of those that did not fire, but for what
    fires already."""
    before = await night.prometheus.begin_anew()
    async with AsyncExitStack() as stack:
        for cause in causes:
            if cause is clock_is_ahead and lacks_faketime():
                say(f"skipped: {cause.__name__}, {lacks_faketime()}")
                continue
            await stack.enter_async_context(cause(night))
            say(f"made true: {cause.__name__}")
        night.look_up()
        names = [name for cause, of_cause in causes.items() for name in of_cause]
        if lacks_faketime():
            names = [name for name in names if name != "MaydayClockOff"]
        return await wait_for(night, names, before, say)


async def wait_for(night: Night, names: list[str], before: Collection[Alert], say: Callable[[str], None]) -> list[str]:
    """Say when each fires that did not fire `before`; the names of those that do not in time."""
    began, left = time.monotonic(), set(names)
    while left and time.monotonic() - began < LONGEST_SECONDS:
        for alert in night.prometheus.fired().difference(before):
            if alert.name in left:
                left.remove(alert.name)
                say(f"fires {time.monotonic() - began:.0f} s after the last cause: {alert}")
        await asyncio.sleep(1)
    return sorted(left)
