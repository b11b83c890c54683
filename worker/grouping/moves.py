"""Where a pattern went that no fingerprint is in any more, so that its id still answers.

The only writer of `pattern_moves`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Note where they went, those that have no fingerprint left; what had gone to one of them before goes on with it, and
# what something went to is a pattern again, if it was gone.
NOTE_MOVES = text("""
    WITH gone AS (
        SELECT told.* FROM unnest(CAST(:pattern_ids AS uuid[]), CAST(:moved_to AS uuid[])) AS told (pattern_id, moved_to)
        WHERE NOT EXISTS (
            SELECT FROM fingerprints f WHERE f.project_id = :project_id AND f.pattern_id = told.pattern_id)
    ), earlier AS (
        UPDATE pattern_moves m SET moved_to = gone.moved_to FROM gone
        WHERE m.project_id = :project_id AND m.moved_to = gone.pattern_id
    ), back AS (
        DELETE FROM pattern_moves WHERE project_id = :project_id AND pattern_id = ANY(:moved_to)
    )
    INSERT INTO pattern_moves (project_id, pattern_id, moved_to, moved_at)
    SELECT :project_id, pattern_id, moved_to, now() FROM gone ORDER BY pattern_id
    ON CONFLICT (project_id, pattern_id) DO UPDATE SET moved_to = EXCLUDED.moved_to, moved_at = EXCLUDED.moved_at
""")
# Deletes what leads to a pattern that is gone for good, and what is a pattern again.
DELETE_OLD_MOVES = text("""
    DELETE FROM pattern_moves m WHERE m.project_id = :project_id AND (
        NOT EXISTS (SELECT FROM fingerprints f WHERE f.project_id = :project_id AND f.pattern_id = m.moved_to)
        OR EXISTS (SELECT FROM fingerprints f WHERE f.project_id = :project_id AND f.pattern_id = m.pattern_id))
""")

# The pattern that a fingerprint was in, the one that it is in now, and its errors.
Step = tuple[UUID, UUID, int]


async def note_moves(connection: AsyncConnection, project_id: UUID, steps: Iterable[Step]) -> None:
    """Record which pattern replaced each one that has no fingerprint left. In the caller's transaction, after the
    fingerprints were given their new patterns."""
    if moves := find_moves(steps):
        asked = {"project_id": project_id, "pattern_ids": list(moves), "moved_to": list(moves.values())}
        await connection.execute(NOTE_MOVES, asked)


def find_moves(steps: Iterable[Step]) -> dict[UUID, UUID]:
    """For each pattern that fingerprints left, where those with most of the errors went."""
    errors: dict[UUID, Counter[UUID]] = defaultdict(Counter)
    for before, now, count in steps:
        if before != now:
            errors[before][now] += count
    return {before: min(to, key=lambda pattern: (-to[pattern], pattern)) for before, to in errors.items()}
