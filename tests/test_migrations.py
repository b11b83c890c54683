"""Migrations of a database that holds data: what was stored before is there, once, in the new form."""

import asyncio
from typing import Any

import asyncpg
from alembic import command

from cli.migrate import alembic_config
from common.settings import Settings
from tests.conftest import execute

ROLLUPS = """
    INSERT INTO rollups (project_id, bucket, fingerprint, service, severity, environment, count)
    SELECT gen_random_uuid(), bucket, fingerprint, 'shop', 3, '', fingerprint
    FROM generate_series(timestamptz '2026-11-01 00:00Z', '2026-11-01 05:55Z', '5 minutes') bucket,
         generate_series(1, 3) fingerprint
"""
SUMS = """
    SELECT project_id, date_trunc('hour', bucket, 'UTC'), fingerprint, service, severity, environment, sum(count)
    FROM rollups GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3
"""
HOURLY = """
    SELECT project_id, hour, fingerprint, service, severity, environment, count::numeric
    FROM hourly_rollups ORDER BY 1, 2, 3
"""


def test_rollups_of_before_are_counted_once_by_the_hour(empty_database_url: str) -> None:
    config = alembic_config(Settings.load(database_url=empty_database_url))
    command.upgrade(config, "0004")
    asyncio.run(execute(empty_database_url, ROLLUPS))
    command.upgrade(config, "0005_hourly_rollups")
    hourly = asyncio.run(fetch(empty_database_url, HOURLY))
    assert hourly == asyncio.run(fetch(empty_database_url, SUMS)) != []
    command.downgrade(config, "0004")
    command.upgrade(config, "0005_hourly_rollups")
    assert asyncio.run(fetch(empty_database_url, HOURLY)) == hourly


async def fetch(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()
