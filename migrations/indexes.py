"""An index on a table that holds data, made while its writers go on: for migrations."""

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text
from sqlalchemy.sql.elements import TextClause

# Whether a table is partitioned, so that its index is made partition by partition.
IS_PARTITIONED = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:name)")
# Whether an attempt that failed left this index behind: it costs writers, and no query uses it.
IS_INVALID = text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
# The partitions whose part of a partitioned index is not there, or not attached to it yet.
LIST_LACKING = text("""
    SELECT p.inhrelid::regclass::text FROM pg_inherits p
    WHERE p.inhparent = to_regclass(:table) AND NOT EXISTS (
        SELECT FROM pg_inherits part JOIN pg_index i ON i.indexrelid = part.inhrelid
        WHERE part.inhparent = to_regclass(:index) AND i.indrelid = p.inhrelid)
    ORDER BY 1
""")


def create_index(name: str, table: str, columns: Sequence[str], *, where: str = "") -> None:
    """Make the index CONCURRENTLY; of a partitioned table each part of it. `name` begins with the table's name. `where`:
    the rows that it holds, of a table that is not partitioned.

    It commits what its migration did before and may end half-way, so it stands in a migration of its own, and may be
    run again: what is whole stays, what is not is made anew. It waits for the transactions that began before it,
    however long they take, since nobody waits for it meanwhile.
    """
    with op.get_context().autocommit_block():
        if not op.get_bind().scalar(IS_PARTITIONED, {"name": table}):
            make_whole(name, table, columns, text(where) if where else None)  # rule-ok: constants of the migration
            return
        # nothing is filled here: the lock that it takes on the table is held for a moment
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} ({', '.join(columns)})")  # rule-ok: constants
        for partition in op.get_bind().scalars(LIST_LACKING, {"table": table, "index": name}).all():
            part = partition + name.removeprefix(table)
            make_whole(part, partition, columns)
            op.execute(f"ALTER INDEX {name} ATTACH PARTITION {part}")  # rule-ok: constants and Postgres' own names


def make_whole(name: str, table: str, columns: Sequence[str], where: TextClause | None = None) -> None:
    """The index of one table, valid; outside a transaction."""
    op.execute("SET lock_timeout = 0")
    if op.get_bind().scalar(IS_INVALID, {"name": name}):
        op.drop_index(name, table, postgresql_concurrently=True)
    op.create_index(
        name, table, list(columns), postgresql_concurrently=True, if_not_exists=True, postgresql_where=where
    )
    op.execute("RESET lock_timeout")
