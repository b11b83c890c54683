"""What an SDK loses when it is told to slow down, or Postgres is away, is no more than it must be, and known."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from cli.embedded import temporary_home
from cli.migrate import upgrade
from common.database import make_engine
from common.keys import Scope
from common.projects import create_key, ensure_project, find_dsn
from common.settings import Settings
from tests.chaos.programs import Api, make_api
from tests.chaos.stores import Stores
from tests.conftest import Service
from tests.doors.conftest import Door, open_door
from tests.doors.installing import DOORS, only_in_long_form, run
from tests.fleet.programs import running_api

PYTHON = DOORS / "python"
AWAY_SECONDS = 20
SENT, PAUSE_SECONDS = 60, 0.5


async def fail(door: Door, times: int, pause_seconds: float) -> None:
    command = [sys.executable, "slowed_app.py", times, pause_seconds]
    await run(command, PYTHON, SENTRY_DSN=door.dsn, PYTHONPATH=str(PYTHON))


async def losses_of(door: Door) -> dict[str, int]:
    """How many errors were lost, by reason, once the process has written them."""
    await asyncio.sleep(6)
    told = (await door.get("/api/status"))["project"]["sender_losses"]
    return {one["reason"]: one["count"] for one in told if one["category"] in {"error", "default"}}


async def test_an_sdk_that_is_told_to_slow_down_loses_what_it_was_told_to_drop_and_says_how_many(
    service: Service, tmp_path: Path
) -> None:
    async with (
        running_api(service, tmp_path, limit_project_errors=3) as api,
        open_door(service, api, Scope.admin) as door,
    ):
        await fail(door, 20, 0)
        stored, lost = len(await door.errors()), await losses_of(door)
        assert stored >= 3
        assert lost["refused"] >= 1
        assert stored + lost["refused"] + lost.get("ratelimit_backoff", 0) == 20, lost


@asynccontextmanager
async def door_on_its_own_postgres(folder: Path) -> AsyncIterator[tuple[Stores, Api, httpx.AsyncClient, str]]:
    """An API on stores that nothing else is on: the Postgres may be stopped. With who administers its project, and its DSN."""
    with temporary_home() as home:
        async with await Stores.start(home) as stores:
            await asyncio.to_thread(upgrade, stores.direct_url())
            engine = make_engine(Settings.load(database_url=stores.direct_url()), "test")
            async with engine.begin() as connection:
                project_id = await ensure_project(connection, "doors")
                keys = {scope: await create_key(connection, project_id, scope, "doors") for scope in Scope}
            api = make_api("api", stores.urls() | {"MAYDAY_LOG_LEVEL": "info"}, folder)
            async with engine.begin() as connection:
                dsn = await find_dsn(connection, keys[Scope.ingest], api.url)
            await engine.dispose()
            assert dsn is not None
            api.start()
            headers = {"Authorization": f"Bearer {keys[Scope.admin]}"}
            try:
                await api.wait_until_ready()
                async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=30, trust_env=False) as client:
                    yield stores, api, client, dsn
            finally:
                await api.stop()


def read_losses(metrics: str) -> dict[str, int]:
    """By reason, as the metrics of the API have them."""
    told = re.findall(r'mayday_sender_losses_total\{category="error",reason="(\w+)"\} ([\d.]+)', metrics)
    return {reason: int(float(count)) for reason, count in told}


@only_in_long_form
async def test_with_postgres_stopped_for_a_while_few_are_lost_and_status_metrics_and_page_say_how_many(
    tmp_path: Path,
) -> None:
    async with door_on_its_own_postgres(tmp_path) as (stores, api, admin, dsn):
        command = [sys.executable, "slowed_app.py", SENT, PAUSE_SECONDS]
        sending = asyncio.create_task(run(command, PYTHON, SENTRY_DSN=dsn, PYTHONPATH=str(PYTHON)))
        await asyncio.sleep(8)
        await stores.postgres.crash()
        await asyncio.sleep(AWAY_SECONDS)
        await stores.postgres.start()
        await sending
        await asyncio.sleep(6)  # what was lost is written every few seconds
        status = (await admin.get("/api/status")).raise_for_status().json()["project"]["sender_losses"]
        lost = {one["reason"]: one["count"] for one in status if one["category"] == "error"}
        [[stored]] = await stores.sql("SELECT count(*) FROM errors")
        async with httpx.AsyncClient(trust_env=False) as client:
            counted = read_losses((await client.get(f"http://127.0.0.1:{api.metrics_port}/metrics")).text)
        link = (await admin.post("/api/signin-links")).raise_for_status().json()["path"]
        async with httpx.AsyncClient(base_url=api.url, follow_redirects=True, trust_env=False, timeout=30) as browser:
            (await browser.get(link)).raise_for_status()  # goes on by itself in a browser alone
            home = (await browser.get("/", follow_redirects=False)).headers["location"]
            page = (await browser.get(f"{home}system")).raise_for_status().text
        away = f"Postgres away for {AWAY_SECONDS} of {SENT * PAUSE_SECONDS:.0f} s"
        print(f"of {SENT} errors, {away}: stored {stored}, lost {lost}")  # noqa: T201 - decision 31 tells it
        refused = lost.get("refused", 0)
        assert stored + refused == SENT, (stored, lost)
        assert refused <= AWAY_SECONDS // 4  # one for each wait that was over, in place of one for each half second
        assert counted.get("refused", 0) == refused
        # the SDK for Python reports what was answered 503 once more, by its own word
        assert lost.get("network_error", 0) == counted.get("network_error", 0) <= refused
        assert ("Lost by senders" in page) is bool(lost)
        for count in lost.values():
            assert f'<td class="count">{count}</td>' in page
