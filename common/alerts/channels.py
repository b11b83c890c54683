"""Channels as they are stored: the only writer of `alert_channels`, for both programs.

The API makes and changes channels; the worker opens them, and notes how sending went.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.alerts.message import OpenedChannel, Receipt
from common.sealing import Sealer

SHOWN = "channel_id, name, kind, hint, max_per_hour, created_at, last_sent_at, last_failed_at, last_failure"

# Make a channel; none where the project has one of that name.
ADD_CHANNEL = text(
    """
    INSERT INTO alert_channels (project_id, channel_id, name, kind, config_sealed, hint, max_per_hour, created_at)
    VALUES (:project_id, :channel_id, :name, :kind, :config_sealed, :hint, :max_per_hour, now())
    ON CONFLICT (project_id, name) DO NOTHING RETURNING channel_id
    """
)
# Change what is given of a channel; none where the project has no such one. A new place has not failed yet.
CHANGE_CHANNEL = text(
    """
    UPDATE alert_channels SET name = coalesce(:name, name), max_per_hour = coalesce(CAST(:max_per_hour AS int), max_per_hour),
           config_sealed = coalesce(CAST(:config_sealed AS bytea), config_sealed), hint = coalesce(:hint, hint),
           last_failed_at = CASE WHEN :hint IS NULL THEN last_failed_at END,
           last_failure = CASE WHEN :hint IS NULL THEN last_failure END
    WHERE project_id = :project_id AND channel_id = :channel_id RETURNING channel_id
    """
)
# Take a channel away, with its tests.
REMOVE_CHANNEL = text(
    "DELETE FROM alert_channels WHERE project_id = :project_id AND channel_id = :channel_id RETURNING channel_id"
)
# What may be shown of a channel.
FIND_CHANNEL = text(
    f"SELECT {SHOWN} FROM alert_channels WHERE project_id = :project_id AND channel_id = :channel_id"  # noqa: S608 - constants
)
# The same of the channels of a project after one of them, oldest first.
LIST_CHANNELS = text(
    f"""
    SELECT {SHOWN} FROM alert_channels
    WHERE project_id = :project_id AND (CAST(:after AS uuid) IS NULL OR channel_id > :after)
    ORDER BY channel_id LIMIT :most
    """  # noqa: S608 - made of the constant above
)
COUNT_CHANNELS = text("SELECT count(*) FROM alert_channels WHERE project_id = :project_id")
# A channel with its secrets, sealed.
FIND_SEALED = text(
    """
    SELECT name, kind, config_sealed, max_per_hour FROM alert_channels
    WHERE project_id = :project_id AND channel_id = :channel_id
    """
)
# The same, and nobody changes it meanwhile.
HOLD_SEALED = text(
    """
    SELECT name, kind, config_sealed, max_per_hour FROM alert_channels
    WHERE project_id = :project_id AND channel_id = :channel_id FOR UPDATE
    """
)
# How sending went; only a failure leaves its words.
NOTE_RECEIPT = text(
    """
    UPDATE alert_channels SET
        last_sent_at = CASE WHEN :accepted THEN now() ELSE last_sent_at END,
        last_failed_at = CASE WHEN :accepted THEN last_failed_at ELSE now() END,
        last_failure = CASE WHEN :accepted THEN last_failure ELSE :told END
    WHERE project_id = :project_id AND channel_id = :channel_id
    """
)
# Every sealed config after one of them, to be sealed with another key.
LIST_SEALED = text(
    """
    SELECT project_id, channel_id, config_sealed FROM alert_channels
    WHERE (project_id, channel_id) > (:project_id, :channel_id) ORDER BY project_id, channel_id LIMIT :most
    """
)
# The same content under another key, unless it was changed meanwhile.
RESEAL = text(
    """
    UPDATE alert_channels SET config_sealed = :new
    WHERE project_id = :project_id AND channel_id = :channel_id AND config_sealed = :old RETURNING channel_id
    """
)


async def add_channel(
    connection: AsyncConnection,
    sealer: Sealer,
    project_id: UUID,
    *,
    name: str,
    kind: str,
    config: Mapping[str, Any],
    hint: str,
    max_per_hour: int,
) -> UUID | None:
    """Store it; its id, None where there is one of that name. Raises SecretKeyMissing."""
    channel_id = uuid_utils.compat.uuid7()
    values = {
        "project_id": project_id,
        "channel_id": channel_id,
        "name": name,
        "kind": kind,
        "config_sealed": sealer.seal(project_id, channel_id, dict(config)),
        "hint": hint,
        "max_per_hour": max_per_hour,
    }
    added: UUID | None = await connection.scalar(ADD_CHANNEL, values)
    return added


async def change_channel(
    connection: AsyncConnection,
    sealer: Sealer,
    project_id: UUID,
    channel_id: UUID,
    *,
    name: str | None = None,
    max_per_hour: int | None = None,
    config: Mapping[str, Any] | None = None,
    hint: str | None = None,
) -> bool:
    """False where the project has none of this id. `config` with `hint` is another place; without it the same with other
    secrets. Raises SecretKeyMissing, and sqlalchemy's IntegrityError where the name is taken."""
    values = {
        "project_id": project_id,
        "channel_id": channel_id,
        "name": name,
        "max_per_hour": max_per_hour,
        "config_sealed": None if config is None else sealer.seal(project_id, channel_id, dict(config)),
        "hint": hint,
    }
    return await connection.scalar(CHANGE_CHANNEL, values) is not None


async def remove_channel(connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> bool:
    """False where the project has none of this id."""
    return await connection.scalar(REMOVE_CHANNEL, {"project_id": project_id, "channel_id": channel_id}) is not None


async def find_channel(connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> Row[Any] | None:
    """What may be shown of it."""
    return (await connection.execute(FIND_CHANNEL, {"project_id": project_id, "channel_id": channel_id})).first()


async def list_channels(
    connection: AsyncConnection, project_id: UUID, *, most: int, after: UUID | None
) -> Sequence[Row[Any]]:
    asked = {"project_id": project_id, "most": most, "after": after}
    return (await connection.execute(LIST_CHANNELS, asked)).all()


async def count_channels(connection: AsyncConnection, project_id: UUID) -> int:
    count: int = await connection.scalar(COUNT_CHANNELS, {"project_id": project_id}) or 0
    return count


async def open_channel(
    connection: AsyncConnection, sealer: Sealer, project_id: UUID, channel_id: UUID, *, hold: bool = False
) -> OpenedChannel | None:
    """The channel with its secrets, None where the project has none of this id; with `hold` nobody changes it before the
    transaction ends. Raises SecretKeyMissing, NotOpened."""
    asked = {"project_id": project_id, "channel_id": channel_id}
    row = (await connection.execute(HOLD_SEALED if hold else FIND_SEALED, asked)).first()
    if row is None:
        return None
    config = sealer.open(project_id, channel_id, row.config_sealed)
    return OpenedChannel(project_id, channel_id, row.name, row.kind, config, row.max_per_hour)


async def note_receipt(connection: AsyncConnection, project_id: UUID, channel_id: UUID, receipt: Receipt) -> None:
    """Note on the channel how sending went, in the caller's transaction."""
    values = {
        "project_id": project_id,
        "channel_id": channel_id,
        "accepted": receipt.accepted,
        "told": receipt.told,
    }
    await connection.execute(NOTE_RECEIPT, values)


async def reseal_all(engine: AsyncEngine, sealer: Sealer, *, most: int = 500) -> int:
    """Seal every config with the first key, a batch a transaction; how many. Raises SecretKeyMissing, NotOpened."""
    after, count = {"project_id": UUID(int=0), "channel_id": UUID(int=0)}, 0
    while True:
        async with engine.begin() as connection:
            rows = (await connection.execute(LIST_SEALED, {**after, "most": most})).all()
            for row in rows:
                place = {"project_id": row.project_id, "channel_id": row.channel_id}
                new = sealer.reseal(row.config_sealed)
                count += await connection.scalar(RESEAL, {**place, "old": row.config_sealed, "new": new}) is not None
        if len(rows) < most:
            return count
        after = {"project_id": rows[-1].project_id, "channel_id": rows[-1].channel_id}
