"""Migrations only add: programs of the release before run on the schema of this one, and ours on that of a later one."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from cli.migrate import alembic_config
from common.settings import ROOT, Settings
from common.tables import metadata
from tests.conftest import Project, Service, execute, run_service
from tests.later_release import with_later_migrations
from tests.schema_changes import Catalog, find_breaks, find_taken, indexes_made_beside_writers, read_catalog

# Revisions that take away what no program of the release before uses any more; CHANGELOG.md names each of them.
CONTRACTING: frozenset[str] = frozenset({"0020_sessions"})  # the scopes of keys: said by common/keys.py alone
# Made when all migrations were one transaction. One that holds a table and waits for another can meet a read in a
# deadlock, so a migration changes one table that was there.
CHANGING_TWO = {"0002_worker_health": {"deltas", "job_runs"}}


def test_each_migration_only_adds_what_the_release_before_can_do_without_and_to_one_table(
    empty_database_url: str,
) -> None:
    config = alembic_config(Settings.load(database_url=empty_database_url))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    before, broken, taken = Catalog.empty(), {}, {}
    for revision in revisions:
        with indexes_made_beside_writers() as beside_writers:
            command.upgrade(config, revision)
        after = asyncio.run(read_catalog(empty_database_url))
        taken[revision] = find_taken(before, after)
        if revision not in CONTRACTING:
            broken[revision] = find_breaks(before, after, beside_writers)
        before = after
    assert {revision: breaks for revision, breaks in broken.items() if breaks} == {}
    assert {revision: tables for revision, tables in taken.items() if len(tables) > 1} == CHANGING_TWO
    assert len(before.columns) > 100


def test_what_contracts_is_named_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert [revision for revision in CONTRACTING if f"`{revision}`" not in changelog] == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TABLE pins", "pins is gone"),
        ("ALTER TABLE pins RENAME TO nails", "pins is gone"),
        ("ALTER TABLE projects DROP COLUMN name CASCADE", "projects.name is gone"),
        ("ALTER TABLE projects RENAME name TO title", "projects.name is gone"),
        ("ALTER TABLE errors ALTER redactions TYPE int", "errors.redactions was smallint, is integer"),
        ("ALTER TABLE errors ALTER release SET NOT NULL", "errors.release must now be given"),
        ("ALTER TABLE errors ADD COLUMN tenant text NOT NULL", "errors.tenant must now be given"),
        ("ALTER TABLE errors ADD CHECK (redactions < 9)", "errors has a constraint more: errors_redactions_check"),
        ("ALTER TABLE errors DROP CONSTRAINT errors_pkey", "errors has no constraint errors_pkey any more"),
        ("CREATE INDEX ON rollups (project_id, count)", "writers of rollups wait while rollups_project_id_count_idx"),
        ("CREATE UNIQUE INDEX ON pins (project_id)", "pins has a constraint more: pins_project_id_idx"),
    ],
)
def test_a_planted_step_that_is_no_expansion_is_found(database_url: str, statement: str, said: str) -> None:
    before = asyncio.run(read_catalog(database_url))
    asyncio.run(execute(database_url, statement))
    assert any(found.startswith(said) for found in find_breaks(before, asyncio.run(read_catalog(database_url))))


async def test_programs_of_this_release_run_on_the_schema_of_a_later_one(service: Service, tmp_path: Path) -> None:
    project, done = await service.project(), asyncio.Event()
    config = with_later_migrations(tmp_path, service.settings.database_url, metadata.tables)
    using = asyncio.create_task(use_until(project, done))
    for _ in metadata.tables:
        await asyncio.to_thread(command.upgrade, config, "+1")
    before = (await project.get("/api/errors", limit=1))["errors"]
    async with run_service(service.settings) as started_after:
        assert (await (await started_after.client(None)).get("/readyz")).json()["checks"]["schema"] == "ok"
        other = await started_after.project()
        await other.send(*[make_error() for _ in range(100)])
    await asyncio.sleep(0.3)
    done.set()
    sent = await using
    await service.run_worker()
    told = await project.get("/api/errors/patterns", window="1h")
    assert before
    assert (told["total"], await service.execute("SELECT count(*) FROM errors")) == (sent + 100, [(sent + 100,)])
    assert await service.execute("SELECT count(*) FROM job_runs WHERE outcome <> 'done'") == [(0,)]
    assert await service.execute("SELECT count(*) FROM errors WHERE later_count <> 0") == [(0,)]


async def use_until(project: Project, done: asyncio.Event) -> int:
    """Write by statement and by COPY, and read, all of which must succeed; errors stored."""
    sent = 0
    while not done.is_set():
        for count in (1, 100):
            await project.send(*[make_error() for _ in range(count)])
            sent += count
        for path in ("/api/errors", "/api/errors/recent", "/api/errors/patterns"):
            await project.get(path)
    return sent


def make_error() -> dict[str, str]:
    return {"service": "shop", "severity": "error", "message": f"order {uuid4()} failed"}
