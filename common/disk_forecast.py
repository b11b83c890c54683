"""What the tables take, how fast they grow, and when the disk is full: what status tells and alerts go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.database.clock import ask_time
from common.disk import find_full_day, grow_per_day
from common.settings import Settings

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

# The bytes of the database.
DATABASE_BYTES = text("SELECT pg_database_size(current_database())")


@dataclass(frozen=True, slots=True)
class DiskForecast:
    """What is used now, in bytes, by table and partition, and the day on which the disk is full at this pace; None where
    retention takes away what comes before that, or the size of the disk is unknown."""

    today: date
    tables: Sequence[Row[Any]]
    used_bytes: int
    disk_bytes: int
    growth_bytes: float | None
    full_on: date | None


async def forecast_disk(connection: AsyncConnection, settings: Settings) -> DiskForecast:
    """Measure the tables, and reckon from the days of errors that are there."""
    today = (await ask_time(connection)).date()
    used_bytes: int = (await connection.execute(DATABASE_BYTES)).scalar_one()
    rows = (await connection.execute(TABLE_SIZES)).all()
    first = min((row.day for row in rows if row.day and row.has_rows), default=today)
    days = {row.day: row.size_bytes for row in rows if row.day and row.day >= first}
    growth_bytes, full_on = grow_per_day(days, today), None
    if settings.disk_bytes and growth_bytes is not None:
        full_on = find_full_day(
            days,
            growth_bytes,
            today,
            used_bytes=used_bytes,
            disk_bytes=settings.disk_bytes,
            retention_days=settings.retention_days,
        )
    return DiskForecast(today, rows, used_bytes, settings.disk_bytes, growth_bytes, full_on)
