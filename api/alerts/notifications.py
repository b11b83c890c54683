"""Messages that were sent, and that are owed, as they are read."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alerts.rule_schemas import NotificationOut, NotificationPage
from common.alerts.outbox import NO_RULE

# The messages of a project, newest first, those of a state where one is wanted; those older than one of them for a next page.
LIST_NOTIFICATIONS = text("""
    SELECT notification_id, rule_id, channel_id, state, made_at, due_at, ended_at, attempts, told,
           changes -> 0 AS first, jsonb_array_length(changes) + left_out AS change_count
    FROM notifications
    WHERE project_id = :project_id AND (CAST(:state AS text) IS NULL OR state = :state)
      AND (CAST(:after AS uuid) IS NULL OR (made_at, notification_id) < (
          SELECT made_at, notification_id FROM notifications WHERE project_id = :project_id AND notification_id = :after))
    ORDER BY made_at DESC, notification_id DESC LIMIT :limit
""")


async def list_notifications(
    connection: AsyncConnection, project_id: UUID, *, state: str | None, limit: int, after: UUID | None
) -> NotificationPage:
    """A page of them."""
    asked = {"project_id": project_id, "state": state, "limit": limit + 1, "after": after}
    rows = (await connection.execute(LIST_NOTIFICATIONS, asked)).all()
    return NotificationPage(
        notifications=[describe(row) for row in rows[:limit]],
        next=rows[limit - 1].notification_id if len(rows) > limit else None,
    )


def describe(row: Row[Any]) -> NotificationOut:
    return NotificationOut(
        id=row.notification_id,
        rule=None if row.rule_id == NO_RULE else row.rule_id,
        channel=row.channel_id,
        state=row.state,
        title=str(row.first["facts"].get("title") or row.first["name"]),
        kind=row.first["name"],
        changes=row.change_count,
        made_at=row.made_at,
        due_at=row.due_at,
        ended_at=row.ended_at,
        attempts=row.attempts,
        told=row.told,
    )
