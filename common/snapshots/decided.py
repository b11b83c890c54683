"""Lays what people decided over an answer that was computed before (docs/decisions/0030)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.snapshots.counting import STATE

# The states now of patterns that were decided about since an answer was computed. An hour more: a decision has the time at
# which its transaction began, and an answer that of a clock which may have been set back since, by so much at most
# (STORE_SNAPSHOT).
LIST_DECIDED = text(
    f"""
    SELECT f.pattern_id, {STATE} AS state
    FROM decisions d JOIN fingerprints f ON f.project_id = d.project_id AND f.pattern_id = d.pattern_id
    LEFT JOIN patterns p ON p.project_id = d.project_id AND p.pattern_id = d.pattern_id
    WHERE d.project_id = :project_id
      AND d.decided_at > least(CAST(:computed_at AS timestamptz), now()) - interval '1 hour'
    GROUP BY f.pattern_id, p.project_id, p.pattern_id, d.project_id, d.pattern_id
    """  # noqa: S608 - made of a constant
)


async def list_decided(connection: AsyncConnection, project_id: UUID, computed_at: datetime) -> dict[str, str]:
    """The states now, by the id of the pattern, of those that an answer computed then may tell wrongly."""
    params = {"project_id": project_id, "computed_at": computed_at}
    return {str(row.pattern_id): row.state for row in await connection.execute(LIST_DECIDED, params)}


def lay_over(body: bytes, states: Mapping[str, str]) -> bytes:
    """The JSON of a patterns answer with these states by pattern id; the very bytes where none of them changes it."""
    answer = from_json(body) if states else {"patterns": ()}
    changed = [one for one in answer["patterns"] if states.get(one["id"], one["state"]) != one["state"]]
    for pattern in changed:
        pattern["state"] = states[pattern["id"]]
    return to_json(answer) if changed else body
