"""Whether the counts are those of the rows: what every fold and all upkeep must leave true."""

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import OTHER_PROJECT, PROJECT, rows, scalar

RECOUNT = "SELECT service, severity, fingerprint, count(*) FROM errors WHERE project_id = :project_id GROUP BY 1, 2, 3"


ROLLED_UP = (
    "SELECT service, severity, fingerprint, sum(count) FROM rollups WHERE project_id = :project_id GROUP BY 1, 2, 3"
)


HOURS = """
    SELECT project_id, date_trunc('hour', bucket, 'UTC') AS hour, fingerprint, service, severity, environment, sum(count)
    FROM rollups GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""


HOURLY = """
    SELECT project_id, hour, fingerprint, service, severity, environment, count::numeric
    FROM hourly_rollups ORDER BY 1, 2, 3, 4, 5, 6
"""


async def assert_counts_are_exact(engine: AsyncEngine) -> None:
    for project_id in (PROJECT, OTHER_PROJECT):
        recount = await rows(engine, RECOUNT, project_id=project_id)
        assert sorted(await rows(engine, ROLLED_UP, project_id=project_id)) == sorted(recount)
        by_fingerprint = "SELECT coalesce(sum(count), 0) FROM fingerprints WHERE project_id = :project_id"
        assert await scalar(engine, by_fingerprint, project_id=project_id) == sum(int(str(row[3])) for row in recount)
    assert await rows(engine, HOURLY) == await rows(engine, HOURS)
