"""Rates that a project sets itself, as they are stored. The only writer of `price_overrides`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.pricing import Processing, RateOverride, Rates

KINDS = ("input", "output", "cached", "cache_write", "cache_write_1h")
RATES = ", ".join(f"{kind}_rate" for kind in KINDS)

# Every override of a project.
LIST_OVERRIDES = text(
    f"""
    SELECT override_id, provider, model, processing, starts_at, ends_at, {RATES} FROM price_overrides
    WHERE project_id = :project_id ORDER BY starts_at, override_id
    """  # noqa: S608 - made of the constants above
)
# Set rates from a moment on.
ADD_OVERRIDE = text(
    f"""
    INSERT INTO price_overrides (project_id, override_id, provider, model, processing, starts_at, ends_at, {RATES},
                                 made_at, made_by)
    VALUES (:project_id, :override_id, :provider, :model, :processing, :starts_at, :ends_at,
            {", ".join(f":{kind}" for kind in KINDS)}, now(), :made_by)
    """  # noqa: S608 # rule-ok: made of the constants above
)
# Take an override back, as if it had never been; what it priced keeps its price until it is priced again.
REMOVE_OVERRIDE = text(
    "DELETE FROM price_overrides WHERE project_id = :project_id AND override_id = :override_id RETURNING override_id"
)


async def list_overrides(connection: AsyncConnection, project_id: UUID) -> Sequence[RateOverride]:
    """The overrides of a project, oldest first."""
    return [read_override(row) for row in await connection.execute(LIST_OVERRIDES, {"project_id": project_id})]


def read_override(row: Any) -> RateOverride:
    return RateOverride(
        model=row.model,
        rates=Rates(**{kind: getattr(row, f"{kind}_rate") for kind in KINDS}),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        provider=row.provider,
        processing=Processing(row.processing),
    )


async def add_override(connection: AsyncConnection, project_id: UUID, override: RateOverride, made_by: str) -> UUID:
    """Store it; its id."""
    override_id = uuid_utils.compat.uuid7()
    values = {
        "project_id": project_id,
        "override_id": override_id,
        "provider": override.provider,
        "model": override.model,
        "processing": override.processing.value,
        "starts_at": override.starts_at,
        "ends_at": override.ends_at,
        "made_by": made_by,
        **{kind: getattr(override.rates, kind) for kind in KINDS},
    }
    await connection.execute(ADD_OVERRIDE, values)
    return override_id


async def remove_override(connection: AsyncConnection, project_id: UUID, override_id: UUID) -> bool:
    """False when the project has none of this id."""
    removed = await connection.execute(REMOVE_OVERRIDE, {"project_id": project_id, "override_id": override_id})
    return removed.first() is not None
