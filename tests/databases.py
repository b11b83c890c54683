"""Databases for tests: copies of a template that has the newest schema, each given to another test once it is as new again.

Copying takes a quarter of a second, most of what a small test takes; making one as new again takes a tenth of that.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

EMPTIED_LAST_SECONDS = 10  # a lock that a forgotten connection holds: then the database is no longer used
# All that a test may have changed of the schema: relations with their columns, constraints, triggers, functions, settings,
# and the version that it is of.
SHAPE = """
    WITH relations AS (
        SELECT c.oid, c.relname, concat_ws(' ', c.relname, c.relkind, c.relpersistence, c.relispartition, c.reloptions) AS said
        FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace
    ), said AS (
        SELECT said FROM relations
        UNION ALL
        SELECT concat_ws(' ', r.relname, a.attname, a.atttypid, a.attnotnull, a.attidentity, a.attisdropped)
        FROM pg_attribute AS a JOIN relations AS r ON r.oid = a.attrelid WHERE a.attnum > 0
        UNION ALL
        SELECT concat_ws(' ', r.relname, o.conname, o.convalidated)
        FROM pg_constraint AS o JOIN relations AS r ON r.oid = o.conrelid
        UNION ALL
        SELECT concat_ws(' ', r.relname, t.tgname, t.tgenabled)
        FROM pg_trigger AS t JOIN relations AS r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
        UNION ALL
        SELECT concat_ws(' ', 'index', r.relname, i.indisvalid)
        FROM pg_index AS i JOIN relations AS r ON r.oid = i.indexrelid
        UNION ALL
        SELECT concat_ws(' ', 'function', p.proname) FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'setting', s.setconfig) FROM pg_db_role_setting AS s
        JOIN pg_database AS d ON d.oid = s.setdatabase WHERE d.datname = current_database()
        UNION ALL
        SELECT concat_ws(' ', 'version', version_num) FROM alembic_version
    )
    SELECT md5(string_agg(said, E'\\n' ORDER BY said)) FROM said
"""
TABLES = """
    SELECT relname::text, relispartition, pg_relation_size(oid) > 0 AS has_rows FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def on_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


class Databases:
    """Copies of the template on the tests' server: one test at a time has each."""

    def __init__(self, server_url: str, template: str) -> None:
        self.server_url, self.template = server_url, template
        self.spare: list[str] = []
        self.tables, self.shape = asyncio.run(self._look_at_template())

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Name of a database that is as new."""
        name = self.spare.pop() if self.spare else asyncio.run(self._copy())
        yield name
        if asyncio.run(self._make_as_new(name)):
            self.spare.append(name)
        else:
            asyncio.run(self._drop(name))

    def drop(self) -> None:
        while self.spare:
            asyncio.run(self._drop(self.spare.pop()))

    async def _look_at_template(self) -> tuple[set[str], str]:
        connection = await asyncpg.connect(on_database(self.server_url, self.template))
        try:
            return {row["relname"] for row in await connection.fetch(TABLES)}, await connection.fetchval(SHAPE)
        finally:
            await connection.close()

    async def _on_server(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _copy(self) -> str:
        name = f"test_{uuid4().hex}"
        await self._on_server(f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY FILE_COPY")
        return name

    async def _drop(self, name: str) -> None:
        await self._on_server(f"DROP DATABASE {name} WITH (FORCE)")

    async def _make_as_new(self, name: str) -> bool:
        """Empty all but the version of the schema, drop the partitions that came; False where more was changed."""
        try:
            connection = await asyncpg.connect(on_database(self.server_url, name), timeout=EMPTIED_LAST_SECONDS)
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            await connection.execute(f"SET lock_timeout = '{EMPTIED_LAST_SECONDS}s'; SET search_path = public")
            found = await connection.fetch(TABLES)
            came = [row["relname"] for row in found if row["relispartition"] and row["relname"] not in self.tables]
            filled = {row["relname"] for row in found if row["has_rows"]} - {*came, "alembic_version"}
            if came:
                await connection.execute(f"DROP TABLE {quoted(came)}")
            if await connection.fetchval(SHAPE) != self.shape:
                return False
            if filled:
                await connection.execute(f"TRUNCATE {quoted(sorted(filled))} RESTART IDENTITY CASCADE")
        except asyncpg.PostgresError:
            return False
        else:
            return True
        finally:
            await connection.close()


def quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
