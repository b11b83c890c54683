"""A database that tests use after each other is as new for each, or is not used again."""

import asyncio

import asyncpg
import pytest

from tests.databases import SHAPE, TABLES, Databases, on_database


def run(databases: Databases, name: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(on_database(databases.server_url, name))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute())


def look(databases: Databases, name: str) -> tuple[str, list[str]]:
    """The shape, and the tables that have something in them."""

    async def fetch() -> tuple[str, list[str]]:
        connection = await asyncpg.connect(on_database(databases.server_url, name))
        try:
            tables = await connection.fetch(TABLES)
            return await connection.fetchval(SHAPE), [row["relname"] for row in tables if row["has_rows"]]
        finally:
            await connection.close()

    return asyncio.run(fetch())


@pytest.fixture
def databases(databases: Databases) -> Databases:
    """As ever, without any to spare."""
    databases.drop()
    return databases


def test_rows_and_partitions_of_a_test_are_gone_for_the_next(databases: Databases) -> None:
    with databases.lend() as first:
        run(
            databases,
            first,
            "INSERT INTO projects (project_id, name, created_at) VALUES (gen_random_uuid(), 'left', now())",
        )
        run(
            databases,
            first,
            "CREATE TABLE errors_of_then PARTITION OF errors FOR VALUES FROM ('1999-01-01') TO ('1999-01-02')",
        )
        assert "projects" in look(databases, first)[1]
    with databases.lend() as second:
        assert second == first
        assert look(databases, second) == (databases.shape, ["alembic_version"])


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE errors RENAME TO errors_away",
        "ALTER TABLE projects ADD COLUMN more text",
        "ALTER TABLE projects ALTER COLUMN name DROP NOT NULL",
        "CREATE TABLE more (id int)",
        "DROP TABLE deltas",
        "UPDATE alembic_version SET version_num = 'another'",
        "DROP TABLE alembic_version",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE UNIQUE INDEX more ON projects (name, project_id)",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database()); END $$",
    ],
)
def test_a_database_whose_schema_was_changed_is_not_used_again(databases: Databases, change: str) -> None:
    with databases.lend() as name:
        run(databases, name, change)
    assert databases.spare == []
