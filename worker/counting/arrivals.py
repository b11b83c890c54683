"""Which projects have fingerprints that came since their patterns were published: the fold notes them, so that a new
failure need not wait for the next run of the job `patterns`. The only writer of `arrivals`.

A project that was just published rests for a while, so that a storm of new fingerprints costs a bounded share of the
worker's time.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# Notes that something came, in the transaction that counts it.
NOTE_ARRIVAL = text("""
    INSERT INTO arrivals (project_id, came_at, rests_until) VALUES (:project_id, now(), now())
    ON CONFLICT (project_id) DO UPDATE SET came_at = EXCLUDED.came_at
""")

# The projects in which something came that are not at rest; a rest of over an hour is one of a clock that was set back.
PROJECTS_WITH_ARRIVALS = text("""
    SELECT project_id FROM arrivals
    WHERE came_at IS NOT NULL AND (rests_until <= now() OR rests_until > now() + interval '1 hour')
""")

# When something came last, if that is not published yet.
FIND_ARRIVAL = text("SELECT came_at FROM arrivals WHERE project_id = :project_id")

# Has the project rest, whatever comes meanwhile.
REST = text("""
    UPDATE arrivals SET rests_until = now() + make_interval(secs => :seconds) WHERE project_id = :project_id
""")

# What came by then is published; what came since is still to be.
NOTE_PUBLISHED = text("UPDATE arrivals SET came_at = NULL WHERE project_id = :project_id AND came_at = :came_at")


async def note_arrival(connection: AsyncConnection, project_id: UUID) -> None:
    """Fingerprints came that no pattern has, in the caller's transaction."""
    await connection.execute(NOTE_ARRIVAL, {"project_id": project_id})


async def list_with_arrivals(engine: AsyncEngine) -> Sequence[UUID]:
    """The projects whose patterns are to be published for what came."""
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS_WITH_ARRIVALS)).all()


async def find_arrival(engine: AsyncEngine, project_id: UUID) -> datetime | None:
    """When something came last that is not published yet: to be asked before a run, and told to `note_published` after it."""
    async with engine.connect() as connection:
        return (await connection.execute(FIND_ARRIVAL, {"project_id": project_id})).scalar_one_or_none()


async def note_published(engine: AsyncEngine, project_id: UUID, came_at: datetime | None) -> None:
    """The project's patterns were published, with all that came by `came_at`, if anything had."""
    if came_at is not None:
        async with engine.begin() as connection:
            await connection.execute(NOTE_PUBLISHED, {"project_id": project_id, "came_at": came_at})


async def rest(engine: AsyncEngine, project_id: UUID, seconds: float) -> None:
    """Leave the project out of `list_with_arrivals` for so long."""
    async with engine.begin() as connection:
        await connection.execute(REST, {"project_id": project_id, "seconds": seconds})
