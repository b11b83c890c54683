"""What people decide about patterns. The only writer of `decisions` and `pins`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.snapshots.releases import Order, name_order
from common.tables import RELEASES_MAX

# The fingerprints of a pattern, with their errors so far and when they were last seen.
FIND_MEMBERS = text(
    "SELECT fingerprint, count AS errors, last_seen FROM fingerprints"
    " WHERE project_id = :project_id AND pattern_id = :pattern_id"
)
# The releases that a pattern's latest errors came from.
FIND_RELEASES = text(
    """
    SELECT DISTINCT e.release FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:last_seen AS timestamptz[]))
        AS wanted (fingerprint, last_seen)
    CROSS JOIN LATERAL (
        SELECT release FROM errors
        WHERE project_id = :project_id AND fingerprint = wanted.fingerprint
          AND day >= (wanted.last_seen AT TIME ZONE 'UTC')::date - 7
        ORDER BY occurred_at DESC LIMIT 200
    ) e WHERE e.release IS NOT NULL
    """
)
# The releases of a project: those that the worker has noted, and those of errors that it has not counted yet.
LIST_RELEASES = text(
    """
    SELECT release FROM releases WHERE project_id = :project_id
    UNION SELECT release FROM deltas WHERE project_id = :project_id AND release IS NOT NULL
    ORDER BY release LIMIT :most
    """
)
# The latest decision counts; a note stays until another is written.
DECIDE = text(
    """
    INSERT INTO decisions AS d (project_id, pattern_id, decision, decided_at, decided_by, known_releases, fixed_in,
                                release_order, until, until_count, until_more, note)
    VALUES (:project_id, :pattern_id, :decision, now(), :decided_by, :known_releases, :fixed_in,
            :release_order, :until, :until_count, :until_more, :note)
    ON CONFLICT (project_id, pattern_id) DO UPDATE SET
        decision = EXCLUDED.decision, decided_at = EXCLUDED.decided_at, decided_by = EXCLUDED.decided_by,
        known_releases = EXCLUDED.known_releases, fixed_in = EXCLUDED.fixed_in,
        release_order = EXCLUDED.release_order, until = EXCLUDED.until, until_count = EXCLUDED.until_count,
        until_more = EXCLUDED.until_more, note = coalesce(EXCLUDED.note, d.note)
    """
)
# A note alone changes nothing else.
WRITE_NOTE = text(
    """
    INSERT INTO decisions AS d (project_id, pattern_id, decision, decided_at, decided_by, note)
    VALUES (:project_id, :pattern_id, 'open', now(), :decided_by, :note)
    ON CONFLICT (project_id, pattern_id) DO UPDATE SET note = EXCLUDED.note
    """
)
# Pin fingerprints to a pattern: the worker puts them there within seconds, and leaves them.
PIN = text(
    """
    INSERT INTO pins (project_id, fingerprint, pattern_id, pinned_at)
    SELECT :project_id, fingerprint, :pattern_id, now() FROM unnest(CAST(:fingerprints AS bigint[])) AS f (fingerprint)
    ORDER BY fingerprint
    ON CONFLICT (project_id, fingerprint) DO UPDATE SET pattern_id = EXCLUDED.pattern_id, pinned_at = now()
    """
)


@dataclass(frozen=True, slots=True)
class Fix:
    """The release that has a fix: `fixed_in`, or the next one after those that were known; and how they are ordered."""

    known_releases: list[str]
    fixed_in: str | None
    order: Order


async def find_members(connection: AsyncConnection, project_id: UUID, pattern_id: UUID) -> Sequence[Any]:
    """Rows of fingerprint, errors and last_seen; none for a pattern that the project does not have."""
    asked = {"project_id": project_id, "pattern_id": pattern_id}
    return (await connection.execute(FIND_MEMBERS, asked)).all()


async def find_fix(
    connection: AsyncConnection, project_id: UUID, members: Sequence[Any], fixed_in: str | None
) -> Fix | None:
    """What a decision about the release with the fix goes by; None in a project that sends no release."""
    asked = {
        "project_id": project_id,
        "fingerprints": [member.fingerprint for member in members],
        "last_seen": [member.last_seen for member in members],
    }
    own = (await connection.scalars(FIND_RELEASES, asked)).all()
    known = {*own, *await connection.scalars(LIST_RELEASES, {"project_id": project_id, "most": RELEASES_MAX})}
    order = name_order([fixed_in] if fixed_in else own or known)
    return Fix(sorted(known), fixed_in, order) if known else None


async def decide(
    connection: AsyncConnection,
    project_id: UUID,
    pattern_id: UUID,
    decision: str,
    decided_by: str,
    *,
    fix: Fix | None = None,
    until: datetime | None = None,
    until_count: int | None = None,
    until_more: int | None = None,
    note: str | None = None,
) -> None:
    """Note a decision (open, resolved, ignored), in the caller's transaction. `until_count` is `until_more` as releases
    before this one read it: of all errors of the pattern."""
    values = {
        "project_id": project_id,
        "pattern_id": pattern_id,
        "decision": decision,
        "decided_by": decided_by,
        "known_releases": fix and fix.known_releases,
        "fixed_in": fix and fix.fixed_in,
        "release_order": fix and fix.order,
        "until": until,
        "until_count": until_count,
        "until_more": until_more,
        "note": note,
    }
    await connection.execute(DECIDE, values)


async def write_note(
    connection: AsyncConnection, project_id: UUID, pattern_id: UUID, decided_by: str, note: str
) -> None:
    values = {"project_id": project_id, "pattern_id": pattern_id, "decided_by": decided_by, "note": note}
    await connection.execute(WRITE_NOTE, values)


async def merge(connection: AsyncConnection, project_id: UUID, members: Sequence[Any], into: UUID) -> None:
    """Pin the members, and those of the pattern that they go into, together."""
    there = await find_members(connection, project_id, into)
    await pin(connection, project_id, [m.fingerprint for m in (*members, *there)], into)


async def split(
    connection: AsyncConnection, project_id: UUID, pattern_id: UUID, members: Sequence[Any], apart: Sequence[int]
) -> None:
    """Pin some fingerprints to a pattern of their own, and the others to the one that they are in."""
    rest = [member.fingerprint for member in members if member.fingerprint not in apart]
    await pin(connection, project_id, apart, uuid_utils.compat.uuid7())
    await pin(connection, project_id, rest, pattern_id)


async def pin(connection: AsyncConnection, project_id: UUID, fingerprints: Sequence[int], pattern_id: UUID) -> None:
    values = {"project_id": project_id, "fingerprints": list(fingerprints), "pattern_id": pattern_id}
    await connection.execute(PIN, values)
