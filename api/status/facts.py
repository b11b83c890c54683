"""What Postgres knows of the service, of one project, and of the installation; for the route and `mayday status`."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from api.status.schemas import Installation, Partition, ProjectStatus, Retention, SenderLoss, ServiceStatus, TableSize
from common.buckets import FINE_HOURS, bucket_sql
from common.database.connections import Connects, Crowd, find_crowd
from common.database.schema import FIND_REVISION
from common.disk_forecast import forecast_disk
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

# How many projects there are.
COUNT_PROJECTS = text("SELECT count(*) FROM projects")


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
        projects = await connection.scalar(COUNT_PROJECTS)
        disk = await forecast_disk(connection, settings)
    return Installation(
        projects=projects or 0,
        oldest_delta_seconds=freshness.oldest_delta_seconds,
        tables=list_tables(disk.tables),
        database_bytes=disk.used_bytes,
        disk_bytes=settings.disk_bytes or None,
        growth_bytes_per_day=disk.growth_bytes,
        full_on=disk.full_on,
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
