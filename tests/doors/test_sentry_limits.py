"""What an SDK loses when it is told to slow down, or Postgres is away, is no more than it must be, and known."""

import asyncio
import sys
from pathlib import Path

from common.keys import Scope
from tests.conftest import Service
from tests.doors.conftest import Door, open_door
from tests.doors.installing import DOORS, only_in_long_form, run
from tests.fleet.programs import running_api

PYTHON = DOORS / "python"
AWAY_SECONDS = 20
SENT = 60


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


@only_in_long_form
async def test_with_postgres_away_for_a_while_few_are_lost_and_the_status_says_how_many(door: Door) -> None:
    sending = asyncio.create_task(fail(door, SENT, 0.5))
    await asyncio.sleep(8)
    await door.service.execute("ALTER TABLE deltas RENAME TO away")
    await asyncio.sleep(AWAY_SECONDS)
    await door.service.execute("ALTER TABLE away RENAME TO deltas")
    await sending
    stored, lost = len(await door.errors()), await losses_of(door)
    assert stored + lost.get("refused", 0) == SENT, (stored, lost)
    assert lost.get("refused", 0) <= 4  # one for each wait that was over
