"""A project that is deleted leaves nothing anywhere, and no other is touched."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from common.keys import Scope
from common.projects import ProjectGone, begin_deletion, create_key, deletion, find_project, rename_project
from common.projects.deletion import count_rows, delete_all_rows, delete_project, tables_of_projects
from common.settings import Settings
from common.tables import api_keys, errors, metadata, projects
from tests.conftest import Project, Service
from worker import schedule as schedules
from worker.jobs import run_job
from worker.schedule import name_jobs, schedule

NOW = datetime.now(UTC)
JOBS = name_jobs(Settings())
# What a column takes whose values are checked.
WORDS = {
    "facet": "service",
    "state": "due",
    "decision": "open",
    "kind": "team",
    "scope": "project",
    "metric": "tokens",
    "period": "month",
}
BY_TYPE: tuple[tuple[type[Any], Any], ...] = (
    (sa.Boolean, False), (sa.Integer, 2), (sa.Numeric, 2),
    (sa.Float, 2.0), (sa.Date, NOW.date()), (sa.DateTime, NOW), (JSONB, {}),
    (ARRAY, []), (sa.LargeBinary, b"x"),
)  # fmt: skip


def value_for(column: sa.Column[Any], project_id: UUID) -> Any:
    """One that the column takes; ids are the project's own, so that what refers to another finds it."""
    if isinstance(column.type, sa.UUID):
        return project_id
    if isinstance(column.type, sa.Text):
        return WORDS.get(column.name, "x")
    return next(value for kind, value in BY_TYPE if isinstance(column.type, kind))


async def fill_every_table(service: Service, project_id: UUID) -> None:
    """A row of the project in each table that has projects."""
    async with service.tools.engine.begin() as connection:
        for table in metadata.sorted_tables:
            if "project_id" in table.columns and table not in (projects, api_keys):
                row = {column.name: value_for(column, project_id) for column in table.columns}
                await connection.execute(postgresql.insert(table).values(**row).on_conflict_do_nothing())


async def rows_of(service: Service, project_id: UUID) -> dict[str, list[str]]:
    """All rows that hold the project's id, by table."""
    found = {}
    for table in metadata.sorted_tables:
        if "project_id" in table.columns:
            asked = f"SELECT t::text FROM {table.name} t WHERE project_id = :id ORDER BY 1"  # noqa: S608 - our own names
            found[table.name] = [row[0] for row in await service.execute(asked, id=project_id)]
    return found


def but_uses(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    """What stays as it is: uses of keys are noted beside whatever else is done."""
    return {table: found for table, found in rows.items() if table != "key_uses"}


async def cached(service: Service, project_id: UUID) -> list[bytes]:
    async with Redis.from_url(service.settings.redis_url) as redis:
        return [key async for key in redis.scan_iter(match=f"*{project_id}*")]


def errors_of(days: Iterable[int]) -> list[dict[str, Any]]:
    return [
        {"service": "shop", "severity": "error", "message": f"order {day} failed",
         "timestamp": (NOW - timedelta(days=day)).isoformat()}
        for day in days
    ]  # fmt: skip


async def two_projects(service: Service) -> tuple[Project, Project]:
    """Each with a row in every table, errors of several days, patterns, and answers in the cache."""
    both = await service.project("left"), await service.project("stays")
    for project in both:
        await project.send(*errors_of([0, 0, 0, 1, 2, 5, 9, 9]))
    await service.run_worker()
    for project in both:
        await project.get("/api/errors/recent")
        await fill_every_table(service, project.id)
    return both


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "FORGOTTEN_SECONDS", 0.2)
    monkeypatch.setattr(deletion, "BATCH_ROWS", 3)


async def test_nothing_is_left_in_any_table_nor_the_cache_and_the_other_project_is_as_it_was(service: Service) -> None:
    left, stays = await two_projects(service)
    before = await rows_of(service, left.id), await rows_of(service, stays.id)
    assert all(before[0].values()), "a control: there is something in every table"
    assert await cached(service, left.id)
    assert await cached(service, stays.id)
    said: list[str] = []
    await delete_project(service.settings, service.tools.engine, left.id, said.append, jobs=JOBS)
    assert not any((await rows_of(service, left.id)).values())
    assert but_uses(await rows_of(service, stays.id)) == but_uses(before[1])
    assert await cached(service, left.id) == []
    assert await cached(service, stays.id)
    assert "deleted 9 of errors" in said
    assert (await stays.get("/api/errors"))["errors"]


async def test_its_keys_end_at_once_and_work_for_nobody_who_has_not_known_them(service: Service) -> None:
    left, _ = await two_projects(service)
    await delete_project(service.settings, service.tools.engine, left.id, lambda _: None, jobs=JOBS)
    assert await service.execute("SELECT key_id FROM api_keys WHERE project_id = :id", id=left.id) == []
    async with service.tools.engine.connect() as connection:
        assert await find_project(connection, "left") is None
        assert await find_project(connection, "stays") is not None


async def test_a_deletion_that_was_ended_goes_on_where_it_is_run_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, stays = await two_projects(service)
    before = await rows_of(service, stays.id)
    delete_batch, batches = deletion.delete_batch, 0

    async def fail_late(*arguments: Any) -> int:
        nonlocal batches
        batches += 1
        if batches in (5, 9, 14, 20):
            raise KeyboardInterrupt
        return await delete_batch(*arguments)

    monkeypatch.setattr(deletion, "delete_batch", fail_late)
    ended = 0
    while True:
        try:
            await delete_project(service.settings, service.tools.engine, left.id, lambda _: None, jobs=JOBS)
            break
        except KeyboardInterrupt:
            ended += 1
            async with service.tools.engine.connect() as connection:
                assert await find_project(connection, "left") == left.id, "it can be named again"
    assert ended == 4
    assert not any((await rows_of(service, left.id)).values())
    assert but_uses(await rows_of(service, stays.id)) == but_uses(before)


async def test_a_worker_beside_it_writes_nothing_for_it_afterwards(service: Service) -> None:
    left, stays = await two_projects(service)
    await service.execute("DELETE FROM budgets")  # those of the test's own cannot be looked after
    done = asyncio.Event()

    async def work() -> None:
        while not done.is_set():
            await service.execute("DELETE FROM job_runs")
            for job in schedule(service.settings):
                await run_job(service.tools, job)

    working = asyncio.create_task(work())
    try:
        for _ in range(5):
            await left.send(*errors_of(range(8)))
        await delete_project(service.settings, service.tools.engine, left.id, lambda _: None, jobs=JOBS)
    finally:
        done.set()
        await working
    await service.run_worker()
    assert not any((await rows_of(service, left.id)).values())
    assert (await rows_of(service, stays.id))["snapshots"]


async def test_while_a_job_is_under_way_the_project_stays_and_it_is_said_which(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = await service.project("left")
    settings = service.settings.model_copy(update={"job_max_seconds": -9})
    async with service.tools.engine.connect() as connection, connection.begin():
        await connection.execute(deletion.GUARD, {"job": "patterns"})
        with pytest.raises(deletion.DeletionHeldUp, match="patterns"):
            await delete_project(settings, service.tools.engine, left.id, lambda _: None, jobs=JOBS)
    async with service.tools.engine.connect() as connection:
        assert await find_project(connection, "left") == left.id


async def test_keys_that_were_trusted_a_moment_ago_are_waited_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "FORGOTTEN_SECONDS", 4.0)
    for is_known_to_nobody, waits in ((False, 1), (True, 0)):
        project, said = await service.project("left"), list[str]()
        await delete_project(
            service.settings,
            service.tools.engine,
            project.id,
            said.append,
            jobs=JOBS,
            is_known_to_nobody=is_known_to_nobody,
        )
        assert sum("no process of the API trusts" in line for line in said) == waits


async def test_rows_are_deleted_in_batches_of_one_day_each(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project = await service.project("left")
    await project.send(*errors_of([0] * 7 + [3] * 4))
    sizes: list[tuple[int, int]] = []
    delete_batch = deletion.delete_batch

    async def note(engine: Any, table: sa.Table, project_id: UUID) -> int:
        gone = await delete_batch(engine, table, project_id)
        if table is errors:
            [(days,)] = await service.execute("SELECT count(DISTINCT day) FROM errors")
            sizes.append((gone, days))
        return gone

    monkeypatch.setattr(deletion, "delete_batch", note)
    await delete_all_rows(service.tools.engine, project.id, lambda _: None)
    assert sizes == [(3, 2), (1, 1), (3, 1), (3, 1), (1, 0), (0, 0)]


async def test_what_there_is_is_counted_and_no_table_is_forgotten(service: Service) -> None:
    left, _ = await two_projects(service)
    counts = await count_rows(service.tools.engine, left.id)
    assert counts["errors"] == 9
    assert set(counts) == {table.name for table in tables_of_projects()} | {"api_keys"}
    assert {*set(counts), "projects"} == {t.name for t in metadata.sorted_tables if "project_id" in t.columns}
    assert await count_rows(service.tools.engine, uuid4()) == {}


async def test_the_worker_goes_on_with_a_deletion_that_somebody_began_until_nothing_is_left(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, stays = await two_projects(service)
    await service.execute("DELETE FROM budgets WHERE project_id = :id", id=left.id)
    before = await rows_of(service, stays.id)
    async with service.tools.engine.begin() as connection:
        await begin_deletion(connection, left.id)
    deletions = next(job for job in schedule(service.settings) if job.name == "deletions")
    monkeypatch.setattr(schedules, "DELETING_SECONDS", 0.0)
    monkeypatch.setattr(deletion, "FORGOTTEN_SECONDS", 3600.0)
    await service.execute("DELETE FROM job_runs")
    assert await run_job(service.tools, deletions) == "done"
    kept = {table for table, rows in (await rows_of(service, left.id)).items() if rows}
    assert kept == {"projects", "api_keys"}, "its row stays while a process of the API may trust its keys"
    await service.execute("DELETE FROM job_runs")
    monkeypatch.setattr(deletion, "FORGOTTEN_SECONDS", 0.0)
    monkeypatch.setattr(schedules, "DELETING_SECONDS", 5.0)
    assert await run_job(service.tools, deletions) == "done"
    assert not any((await rows_of(service, left.id)).values())
    assert await cached(service, left.id) == []
    assert but_uses(await rows_of(service, stays.id)) == but_uses(before)


async def test_a_project_that_is_being_deleted_gets_no_key_and_no_other_name(service: Service) -> None:
    left = await service.project("left")
    async with service.tools.engine.begin() as connection:
        await begin_deletion(connection, left.id)
        for change in (create_key(connection, left.id, Scope.read, ""), rename_project(connection, left.id, "other")):
            with pytest.raises(ProjectGone):
                await change
    assert (
        await service.execute("SELECT 1 FROM api_keys WHERE revoked_at IS NULL AND project_id = :id", id=left.id) == []
    )
