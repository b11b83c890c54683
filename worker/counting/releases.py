"""Which releases a project sends, and which patterns fail again in a release that should have had the fix.

The only writer of `releases` and `sightings`. The fold notes the releases that it sees; where a pattern waits for one
(docs/decisions/0028) it also notes which fingerprints had errors of which, and the next run of patterns judges that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.snapshots.releases import has_fix, is_next
from common.tables import RELEASES_MAX

# What the fold of a project looks for: the moments after which errors are counted, and whether some pattern waits for a
# release.
READ_WATCH = text("""
    SELECT array_agg(DISTINCT decided_at ORDER BY decided_at)
               FILTER (WHERE decision = 'ignored' AND until_more IS NOT NULL) AS moments,
           coalesce(bool_or(decision = 'resolved' AND known_releases IS NOT NULL), false) AS has_waiting
    FROM decisions WHERE project_id = :project_id
""")

# Notes releases by when they were first and last received; those that are known, once an hour.
NOTE_RELEASES = text("""
    INSERT INTO releases (project_id, release, first_seen, last_seen)
    SELECT :project_id, release, first_seen, last_seen
    FROM unnest(CAST(:releases AS text[]), CAST(:firsts AS timestamptz[]), CAST(:lasts AS timestamptz[]))
         AS got (release, first_seen, last_seen)
    ORDER BY release
    ON CONFLICT (project_id, release) DO UPDATE SET last_seen = EXCLUDED.last_seen
    WHERE releases.last_seen < EXCLUDED.last_seen - interval '1 hour'
""")

# Forgets the releases beyond those that a project may have, the ones first that were not seen for longest.
FORGET_RELEASES = text("""
    DELETE FROM releases WHERE project_id = :project_id AND release IN (
        SELECT release FROM releases WHERE project_id = :project_id ORDER BY last_seen DESC, release OFFSET :most)
""")

# Notes that fingerprints had errors of releases.
NOTE_SIGHTINGS = text("""
    INSERT INTO sightings (project_id, fingerprint, release, received_at)
    SELECT :project_id, fingerprint, release, received_at
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:releases AS text[]), CAST(:received AS timestamptz[]))
         AS got (fingerprint, release, received_at)
    ORDER BY fingerprint, release
    ON CONFLICT (project_id, fingerprint, release) DO UPDATE
    SET received_at = greatest(sightings.received_at, EXCLUDED.received_at)
""")

# Takes the sightings whose fingerprints are in patterns; what a fold writes now is left to the next run.
TAKE_SIGHTINGS = text("""
    WITH taken AS (
        DELETE FROM sightings s WHERE s.project_id = :project_id AND (s.fingerprint, s.release) IN (
            SELECT o.fingerprint, o.release FROM sightings o
            JOIN fingerprints f ON f.project_id = o.project_id AND f.fingerprint = o.fingerprint
            JOIN patterns p ON p.project_id = f.project_id AND p.pattern_id = f.pattern_id
            WHERE o.project_id = :project_id FOR UPDATE OF o SKIP LOCKED)
        RETURNING s.fingerprint, s.release, s.received_at
    )
    SELECT f.pattern_id, t.release, max(t.received_at) AS received_at
    FROM taken t JOIN fingerprints f ON f.project_id = :project_id AND f.fingerprint = t.fingerprint
    GROUP BY f.pattern_id, t.release
""")

# The patterns among some that wait for a release.
LIST_WAITING = text("""
    SELECT pattern_id, decided_at, known_releases, fixed_in FROM decisions
    WHERE project_id = :project_id AND pattern_id = ANY(:pattern_ids)
      AND decision = 'resolved' AND known_releases IS NOT NULL
""")

# When some releases were first received.
LIST_FIRST_SEEN = text(
    "SELECT release, first_seen FROM releases WHERE project_id = :project_id AND release = ANY(:releases)"
)


@dataclass(frozen=True, slots=True)
class Watch:
    """`moments`, ascending: after which errors are counted. `has_waiting`: some pattern waits for a release."""

    moments: list[datetime]
    has_waiting: bool


async def read_watch(connection: AsyncConnection, project_id: UUID) -> Watch:
    """What the fold of the project has to look for, as its decisions are now."""
    row = (await connection.execute(READ_WATCH, {"project_id": project_id})).one()
    return Watch(row.moments or [], row.has_waiting)


async def note_releases(connection: AsyncConnection, project_id: UUID, got: Iterable[Row[Any]], watch: Watch) -> None:
    """Record the releases of what was folded, in the fold's transaction; where some pattern waits for a release, also which
    fingerprints had errors of which release."""
    named = [row for row in got if row.release is not None]
    if not named:
        return
    spans: dict[str, tuple[datetime, datetime]] = {}
    for row in named:
        first, last = spans.get(row.release, (row.received_from, row.received_at))
        spans[row.release] = min(first, row.received_from), max(last, row.received_at)
    asked = {
        "project_id": project_id,
        "releases": list(spans),
        "firsts": [first for first, _ in spans.values()],
        "lasts": [last for _, last in spans.values()],
    }
    if (await connection.execute(NOTE_RELEASES, asked)).rowcount:
        await connection.execute(FORGET_RELEASES, {"project_id": project_id, "most": RELEASES_MAX})
    if watch.has_waiting:
        await note_sightings(connection, project_id, named)


async def note_sightings(connection: AsyncConnection, project_id: UUID, named: Sequence[Row[Any]]) -> None:
    """Record for each fingerprint and release when its last error was received; `named`: rows that have a release."""
    seen: dict[tuple[int, str], datetime] = {}
    for row in named:
        key = row.fingerprint, row.release
        seen[key] = max(seen.get(key, row.received_at), row.received_at)
    asked = {
        "project_id": project_id,
        "fingerprints": [fingerprint for fingerprint, _ in seen],
        "releases": [release for _, release in seen],
        "received": list(seen.values()),
    }
    await connection.execute(NOTE_SIGHTINGS, asked)


async def take_regressions(connection: AsyncConnection, project_id: UUID) -> dict[UUID, datetime]:
    """The patterns that failed in a release which should have had the fix, and when first. Consumes the sightings, so each
    failure is returned once."""
    sighted: defaultdict[UUID, dict[str, datetime]] = defaultdict(dict)
    for row in await connection.execute(TAKE_SIGHTINGS, {"project_id": project_id}):
        sighted[row.pattern_id][row.release] = row.received_at
    if not sighted:
        return {}
    asked = {"project_id": project_id, "pattern_ids": list(sighted)}
    waiting = (await connection.execute(LIST_WAITING, asked)).all()
    names = {row.fixed_in for row in waiting if row.fixed_in} | {r for row in waiting for r in sighted[row.pattern_id]}
    rows = await connection.execute(LIST_FIRST_SEEN, {"project_id": project_id, "releases": list(names)})
    first_seen = {row.release: row.first_seen for row in rows}
    failed = ((row.pattern_id, find_failure(row, sighted[row.pattern_id], first_seen)) for row in waiting)
    return {pattern_id: at for pattern_id, at in failed if at is not None}


def find_failure(
    waiting: Row[Any], sighted: Mapping[str, datetime], first_seen: Mapping[str, datetime]
) -> datetime | None:
    """When a release that should have had the fix was received after the decision; None where none was."""
    failed = [
        received_at
        for release, received_at in sighted.items()
        if received_at > waiting.decided_at
        and (
            has_fix(release, waiting.fixed_in, first_seen)
            if waiting.fixed_in
            else is_next(release, waiting.known_releases)
        )
    ]
    return min(failed, default=None)
