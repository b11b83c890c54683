"""Told to stop, the programs end what is under way, take nothing new, and exit 0 in time."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.conftest import Service
from tests.fleet.programs import client_of, make_key, running_api, running_worker

BATCH = {"errors": [{"service": "shop", "severity": "error", "message": "payment failed"}]}


async def post(client: httpx.AsyncClient) -> int:
    """The status of one more error; 0 when the connection was refused or cut."""
    try:
        return (await client.post("/api/errors/batch", json=BATCH)).status_code
    except httpx.TransportError:
        return 0


async def post_until(client: httpx.AsyncClient, done: asyncio.Event) -> list[int]:
    statuses = []
    while not done.is_set():
        statuses.append(await post(client))
        await asyncio.sleep(0.01)
    return statuses


async def until_running(service: Service, job: str) -> None:
    async with asyncio.timeout(30):
        while not await service.execute("SELECT 1 FROM job_runs WHERE job = :job AND outcome = 'running'", job=job):
            await asyncio.sleep(0.02)


@asynccontextmanager
async def locked(service: Service, table: str) -> AsyncIterator[None]:
    """Nobody else gets at the table meanwhile."""
    async with service.tools.engine.begin() as connection:
        await connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


async def test_readiness_fails_first_and_no_request_is_lost_to_a_port_that_closed_too_soon(
    service: Service, tmp_path: Path
) -> None:
    key = await make_key(service)
    async with running_api(service, tmp_path, shutdown_delay_seconds=2) as api, client_of(api, key) as client:
        done = asyncio.Event()
        posting = asyncio.create_task(post_until(client, done))
        await asyncio.sleep(0.5)
        api.send(signal.SIGTERM)
        async with asyncio.timeout(1):
            while await api.is_ready():
                await asyncio.sleep(0.02)
        answer = await client.post("/api/errors/batch", json=BATCH)
        assert (answer.status_code, answer.headers["Connection"]) == (201, "close")
        done.set()  # as a load balancer does that has seen the 503
        statuses = await posting
        assert await api.ended(10) == 0
    assert set(statuses) == {201}
    assert await service.execute("SELECT count(*) FROM errors") == [(len(statuses) + 1,)]


async def test_a_request_under_way_is_answered_before_the_exit(service: Service, tmp_path: Path) -> None:
    key = await make_key(service)
    async with running_api(service, tmp_path) as api, client_of(api, key) as client:
        assert await post(client) == 201
        async with locked(service, "errors"):
            waiting = asyncio.create_task(post(client))
            await asyncio.sleep(0.3)
            api.send(signal.SIGTERM)
            await asyncio.sleep(0.7)
            assert not waiting.done()
        assert await waiting == 201
        assert await api.ended(10) == 0


async def test_the_api_exits_in_time_also_when_postgres_does_not_answer(service: Service, tmp_path: Path) -> None:
    key = await make_key(service)
    async with (
        running_api(service, tmp_path, shutdown_seconds=1, database_lock_seconds=60) as api,
        client_of(api, key) as client,
    ):
        assert await post(client) == 201
        async with locked(service, "errors"):
            waiting = asyncio.create_task(post(client))
            await asyncio.sleep(0.3)
            assert (await api.terminate())[1] < 5
            assert await waiting != 201
        assert api.exits == [0]


async def test_the_worker_lets_its_job_end_and_begins_no_other(service: Service, tmp_path: Path) -> None:
    await (await service.project()).send(*BATCH["errors"])
    # the jobs before it wait for the lock too, and go on
    async with running_worker(service, tmp_path, database_lock_seconds=2) as worker:
        async with locked(service, "rollups"):
            await until_running(service, "fold")
            worker.send(signal.SIGTERM)
            await asyncio.sleep(0.5)
            assert worker.is_running
        assert await worker.ended(10) == 0
    runs = dict(
        await service.execute("SELECT job, outcome FROM job_runs WHERE job NOT IN ('repair', 'upkeep', 'alerts')")
    )
    assert runs == {"fold": "done"}


async def test_the_worker_exits_in_time_also_when_its_job_hangs(service: Service, tmp_path: Path) -> None:
    await (await service.project()).send(*BATCH["errors"])
    async with running_worker(service, tmp_path, shutdown_seconds=1, database_lock_seconds=60) as worker:
        async with locked(service, "rollups"):
            await until_running(service, "repair")
            assert (await worker.terminate())[1] < 5
        assert worker.exits == [0]
