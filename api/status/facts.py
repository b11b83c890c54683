"""What Postgres knows of the service, of one project, and of the installation; for the route and `mayday status`."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from api.status.disk import find_full_day, grow_per_day
from api.status.schemas import Installation, Partition, ProjectStatus, Retention, SenderLoss, ServiceStatus, TableSize
from common.buckets import FINE_HOURS, bucket_sql
from common.database.clock import CLOCK
from common.database.connections import Connects, Crowd, find_crowd
from common.database.schema import FIND_REVISION
from common.settings import Settings
from common.telemetry.freshness import find_freshness, find_lateness
from common.version import VERSION

# The version of Postgres, without what its packager says of it.
POSTGRES_VERSION = text("SELECT split_part(current_setting('server_version'), ' ', 1)")

# The edge of the bucket that the hour before now begins in.
HOUR_AGO = bucket_sql("clock_timestamp() - interval '1 hour'")
# Errors of a project in the last minute and hour, folded or not, the age of its oldest delta and of its patterns.
PROJECT_STATUS = text(f"""
    WITH this_hour AS (
        SELECT {HOUR_AGO} AS start
    )
    SELECT (SELECT count(*) FROM errors
            WHERE project_id = :project_id AND occurred_at > clock_timestamp() - interval '1 minute'
              AND occurred_at <= clock_timestamp()
              AND day >= ((clock_timestamp() - interval '1 minute') AT TIME ZONE 'UTC')::date) AS errors_last_minute,
           (SELECT coalesce(sum(count), 0)::bigint FROM rollups, this_hour
            WHERE project_id = :project_id AND bucket >= this_hour.start)
           + (SELECT coalesce(sum(count), 0)::bigint FROM deltas, this_hour
              WHERE project_id = :project_id AND bucket >= this_hour.start) AS errors_last_hour,
           (SELECT extract(epoch FROM clock_timestamp() - min(written_at))::float
            FROM deltas WHERE project_id = :project_id) AS oldest_delta_seconds,
           (SELECT extract(epoch FROM clock_timestamp() - max(computed_at))::float
            FROM snapshots WHERE project_id = :project_id) AS patterns_seconds
""")  # noqa: S608 - made of the constant above

# What a project's senders lost since yesterday began.
SENDER_LOSSES = text("""
    SELECT reason, category, sum(count)::bigint AS count FROM sender_losses
    WHERE project_id = :project_id AND day >= (clock_timestamp() AT TIME ZONE 'UTC')::date - 1
    GROUP BY reason, category ORDER BY 3 DESC, 1, 2
""")

# Every table of our schema and every partition, with the day it holds and its bytes with indexes and long values.
TABLE_SIZES = text(r"""
    SELECT coalesce(parent.relname, c.relname) AS table_name, c.relname AS name, c.relispartition AS is_partition,
           to_date(substring(c.relname FROM '^errors_(\d{8})$'), 'YYYYMMDD') AS day,
           coalesce(pg_total_relation_size(c.oid), 0) AS size_bytes, coalesce(pg_relation_size(c.oid), 0) > 0 AS has_rows
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'projects'::regclass)
    ORDER BY c.relname
""")

# How many projects there are, and the bytes of the database.
INSTALLATION_SIZE = text("""
    SELECT (SELECT count(*) FROM projects) AS projects, pg_database_size(current_database()) AS database_bytes
""")


async def find_service(engine: Connects, settings: Settings) -> ServiceStatus:
    """The programs and what they run on."""
    freshness = await find_freshness(engine)
    crowd = await find_visible_crowd(engine, settings)
    async with engine.connect() as connection:
        postgres = await connection.scalar(POSTGRES_VERSION)
        revision = await connection.scalar(FIND_REVISION)
    return ServiceStatus(
        version=VERSION,
        postgres=str(postgres),
        schema_revision=str(revision),
        worker=find_lateness(freshness, settings) or "ok",
        job_seconds=freshness.job_seconds,
        processes=crowd.processes if crowd else None,
        retention=Retention(
            error_days=settings.retention_days,
            usage_days=settings.usage_retention_days,
            fine_rollup_hours=FINE_HOURS,
        ),
    )


async def find_project(engine: Connects, project_id: UUID) -> ProjectStatus:
    """What a project sends, and how far the worker is with it."""
    async with engine.connect() as connection:
        found = (await connection.execute(PROJECT_STATUS, {"project_id": project_id})).one()
        lost = (await connection.execute(SENDER_LOSSES, {"project_id": project_id})).all()
    return ProjectStatus(
        errors_last_minute=found.errors_last_minute,
        errors_last_hour=found.errors_last_hour,
        oldest_delta_seconds=max(found.oldest_delta_seconds or 0.0, 0.0),
        patterns_seconds=found.patterns_seconds,
        sender_losses=[SenderLoss(reason=row.reason, category=row.category, count=row.count) for row in lost],
    )


async def find_installation(engine: Connects, settings: Settings) -> Installation:
    """What all projects together take."""
    freshness = await find_freshness(engine)
    crowd = await find_visible_crowd(engine, settings)
    async with engine.connect() as connection:
        size = (await connection.execute(INSTALLATION_SIZE)).one()
        rows = (await connection.execute(TABLE_SIZES)).all()
    today = CLOCK.now().date()
    first = min((row.day for row in rows if row.day and row.has_rows), default=today)
    days = {row.day: row.size_bytes for row in rows if row.day and row.day >= first}
    growth_bytes = grow_per_day(days, today)
    full_on = None
    if settings.disk_bytes and growth_bytes is not None:
        full_on = find_full_day(
            days,
            growth_bytes,
            today,
            used_bytes=size.database_bytes,
            disk_bytes=settings.disk_bytes,
            retention_days=settings.retention_days,
        )
    return Installation(
        projects=size.projects,
        oldest_delta_seconds=freshness.oldest_delta_seconds,
        tables=list_tables(rows),
        database_bytes=size.database_bytes,
        disk_bytes=settings.disk_bytes or None,
        growth_bytes_per_day=growth_bytes,
        full_on=full_on,
        connections_may_open=crowd.may_open if crowd else None,
        connections_allowed=crowd.allowed if crowd else None,
    )


async def find_visible_crowd(engine: Connects, settings: Settings) -> Crowd | None:
    """Who is connected; None behind a pooler, whose connections are all that Postgres sees."""
    return await find_crowd(engine) if settings.database_pooler == "none" else None


def list_tables(rows: Iterable[Any]) -> list[TableSize]:
    """Tables with their partitions, largest first."""
    sizes: dict[str, int] = defaultdict(int)
    partitions: dict[str, list[Partition]] = defaultdict(list)
    for row in rows:
        sizes[row.table_name] += row.size_bytes
        if row.is_partition:
            partitions[row.table_name].append(Partition(name=row.name, day=row.day, size_bytes=row.size_bytes))
    tables = [TableSize(name=name, size_bytes=size, partitions=partitions[name]) for name, size in sizes.items()]
    return sorted(tables, key=lambda table: -table.size_bytes)
