"""What a migration changed, by Postgres' own catalog, and which of it the release before cannot bear.

The release before names its columns in every statement, so what is added does it no harm while it may be left out.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Engine

# Columns of our tables, not of their partitions: table, name, type, whether a row must say it.
COLUMNS = """
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
           a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped
"""
# Their constraints, but those of NOT NULL: table, name, definition.
CONSTRAINTS = """
    SELECT c.relname::text, k.conname::text, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND k.contype <> 'n'
"""
# Their indexes that no constraint made: table, name, definition.
INDEXES = """
    SELECT c.relname::text, i.relname::text, pg_get_indexdef(x.indexrelid)
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)
"""

# An index that no writer waits for: CONCURRENTLY, or a partitioned table's own, which holds nothing.
MADE_BESIDE_WRITERS = re.compile(
    r"\s*CREATE INDEX (?:CONCURRENTLY (?:IF NOT EXISTS )?(\w+)|(?:IF NOT EXISTS )?(\w+) ON ONLY)\b"
)

Named = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Types of columns, those that a row must say, and definitions of constraints and indexes, by table and name."""

    columns: Named
    wanted: frozenset[tuple[str, str]]
    constraints: Named
    indexes: Named

    @classmethod
    def empty(cls) -> Self:
        return cls({}, frozenset(), {}, {})

    @property
    def tables(self) -> set[str]:
        return {table for table, _ in self.columns}


async def read_catalog(url: str) -> Catalog:
    connection = await asyncpg.connect(url)
    try:
        columns = [tuple(row) for row in await connection.fetch(COLUMNS)]
        constraints, indexes = [named(await connection.fetch(query)) for query in (CONSTRAINTS, INDEXES)]
    finally:
        await connection.close()
    wanted = frozenset((table, name) for table, name, _, is_wanted in columns if is_wanted)
    return Catalog({(table, name): kind for table, name, kind, _ in columns}, wanted, constraints, indexes)


def named(rows: Iterable[asyncpg.Record]) -> Named:
    return {(table, name): definition for table, name, definition in rows}


@contextmanager
def indexes_made_beside_writers() -> Iterator[set[str]]:
    """Gives the names of those that were made so meanwhile: the catalog does not tell."""
    names: set[str] = set()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if made := MADE_BESIDE_WRITERS.match(statement):
            names.add(made[1] or made[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield names
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def find_breaks(before: Catalog, after: Catalog, beside_writers: Iterable[str] = ()) -> list[str]:
    """In a sentence each, what the release before cannot bear, or would have to wait for; `beside_writers` are indexes
    that were made without anybody waiting. Pure."""
    return [*find_taken_away(before, after), *find_asked_for(before, after), *find_waits(before, after, beside_writers)]


def find_taken_away(before: Catalog, after: Catalog) -> Iterator[str]:
    for table in sorted(before.tables - after.tables):
        yield f"{table} is gone"
    for (table, name), kind in before.columns.items():
        if table in after.tables and (table, name) not in after.columns:
            yield f"{table}.{name} is gone"
        elif (now := after.columns.get((table, name), kind)) != kind:
            yield f"{table}.{name} was {kind}, is {now}"
    for table, name in before.constraints:  # ON CONFLICT names the columns of one
        if table in after.tables and (table, name) not in after.constraints:
            yield f"{table} has no constraint {name} any more"


def find_asked_for(before: Catalog, after: Catalog) -> Iterator[str]:
    """Of tables that were there."""
    for table, name in sorted(after.wanted - before.wanted):
        if table in before.tables:
            yield f"{table}.{name} must now be given"
    for (table, name), definition in after.constraints.items():
        if table in before.tables and before.constraints.get((table, name)) != definition:
            yield f"{table} has a constraint more: {name} {definition}"
    for (table, name), definition in after.indexes.items():
        if table in before.tables and (table, name) not in before.indexes and "UNIQUE" in definition:
            yield f"{table} has a constraint more: {name} {definition}"


def find_waits(before: Catalog, after: Catalog, beside_writers: Iterable[str]) -> Iterator[str]:
    """Of tables that were there."""
    for table, name in sorted(after.indexes.keys() - before.indexes.keys()):
        if table in before.tables and name not in beside_writers:
            yield f"writers of {table} wait while {name} is made"


def find_taken(before: Catalog, after: Catalog) -> set[str]:
    """The tables that were there and are changed, so that everybody waited for the migration. Pure."""
    columns = after.columns.items() ^ before.columns.items()
    constraints = after.constraints.items() ^ before.constraints.items()
    return {table for (table, _), _ in columns | constraints} & before.tables & after.tables
