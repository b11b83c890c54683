"""What people do not want to hear of for a while. The only writer of `alert_mutes`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.alerts.changes import Change

SHOWN = "mute_id, made_at, until, made_by, subject_id, rule_id, channel_id, note"

LIST_MUTES = text(
    f"SELECT {SHOWN} FROM alert_mutes WHERE project_id = :project_id AND until > now() ORDER BY mute_id"  # noqa: S608
)
ADD_MUTE = text("""
    INSERT INTO alert_mutes (project_id, mute_id, made_at, until, made_by, subject_id, rule_id, channel_id, note)
    VALUES (:project_id, :mute_id, now(), :until, :made_by, :subject_id, :rule_id, :channel_id, :note)
""")
REMOVE_MUTE = text("DELETE FROM alert_mutes WHERE project_id = :project_id AND mute_id = :mute_id RETURNING mute_id")
DELETE_OLD_MUTES = text("DELETE FROM alert_mutes WHERE project_id = :project_id AND until < now() - interval '1 day'")


@dataclass(frozen=True, slots=True)
class Mute:
    """What is muted: all that meets each of these that is not None; without any it is everything of the project."""

    subject_id: UUID | None = None
    rule_id: UUID | None = None
    channel_id: UUID | None = None

    def covers(self, rule_id: UUID, channel_id: UUID, change: Change) -> bool:
        """Whether a change is not to be told by this rule on this channel. A pattern's incident mutes the pattern."""
        return (
            self.rule_id in (None, rule_id)
            and self.channel_id in (None, channel_id)
            and (self.subject_id in (None, change.subject_id) or str(self.subject_id) == change.incident_id)
        )


async def list_mutes(connection: AsyncConnection, project_id: UUID) -> list[Mute]:
    """Those that hold now."""
    return [Mute(row.subject_id, row.rule_id, row.channel_id) for row in await list_rows(connection, project_id)]


async def list_rows(connection: AsyncConnection, project_id: UUID) -> Sequence[Row[Any]]:
    """Those that hold now, as they are stored."""
    return (await connection.execute(LIST_MUTES, {"project_id": project_id})).all()


async def add_mute(
    connection: AsyncConnection, project_id: UUID, mute: Mute, *, until: datetime, made_by: str, note: str | None
) -> UUID:
    mute_id = uuid_utils.compat.uuid7()
    values = {
        "project_id": project_id,
        "mute_id": mute_id,
        "until": until,
        "made_by": made_by,
        "subject_id": mute.subject_id,
        "rule_id": mute.rule_id,
        "channel_id": mute.channel_id,
        "note": note,
    }
    await connection.execute(ADD_MUTE, values)
    return mute_id


async def remove_mute(connection: AsyncConnection, project_id: UUID, mute_id: UUID) -> bool:
    """False when the project has none of this id."""
    return await connection.scalar(REMOVE_MUTE, {"project_id": project_id, "mute_id": mute_id}) is not None
