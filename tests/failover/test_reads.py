"""A standby answers lists while it keeps up, also while the primary is away; what one decides by is never asked of it."""

import asyncio
from pathlib import Path

from cli.migrate import upgrade
from common.settings import Settings
from tests.conftest import Project, run_service
from tests.failover.pair import Pair

BEHIND_MAX_SECONDS = 2.0


async def listed(project: Project) -> set[str]:
    return {error["message"] for error in (await project.get("/api/errors"))["errors"]}


async def until_listed(project: Project, message: str, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while message not in await listed(project):
            await asyncio.sleep(0.1)


async def test_lists_come_from_the_standby_and_decisions_from_the_primary(home: Path, redis_url: str) -> None:
    async with await Pair.start(home) as pair:
        await asyncio.to_thread(upgrade, pair.direct_url())
        settings = Settings.load(
            database_url=pair.primary.url(),
            read_database_url=pair.standby.url(),
            read_behind_max_seconds=BEHIND_MAX_SECONDS,
            redis_url=redis_url,
            log_format="json",
        )
        async with run_service(settings) as service:
            project = await service.project()
            await project.send({"service": "s", "severity": "error", "message": "first"})
            await until_listed(project, "first")
            replica = service.state["build_context"].replica
            async with asyncio.timeout(15):
                while replica.of(project.id) is None:
                    await asyncio.sleep(0.05)

            await pair.standby.sql("SELECT pg_wal_replay_pause()")
            await project.send({"service": "s", "severity": "error", "message": "second"})
            assert await listed(project) == {"first"}  # the standby's answer
            budget = {"name": "all", "scope": "project", "metric": "tokens", "period": "month", "limit": 1_000}
            made = await project.admin.post("/api/budgets", json=budget)
            assert made.status_code == 201, made.text
            assert [one["name"] for one in (await project.get("/api/budgets"))["budgets"]] == ["all"]
            await until_listed(project, "second")  # the primary's, since the standby is too far behind
            assert replica.of(project.id) is None

            await pair.standby.sql("SELECT pg_wal_replay_resume()")
            async with asyncio.timeout(15):
                while replica.of(project.id) is None:
                    await asyncio.sleep(0.05)
            await pair.primary.store.crash()
            assert await listed(project) == {"first", "second"}
