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
RATES_BY_KIND = ", ".join(f"{kind}_rate AS {kind}" for kind in KINDS)

# The overrides of a project in the order in which they were set: all of them, or so many after one of them.
LIST_OVERRIDES = text(
    f"""
    SELECT override_id AS id, model, nullif(provider, '') AS provider, processing, {RATES_BY_KIND}, starts_at, ends_at,
           made_at, made_by
    FROM price_overrides
    WHERE project_id = :project_id AND (CAST(:after AS uuid) IS NULL OR override_id > :after)
    ORDER BY override_id LIMIT CAST(:limit AS bigint)
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


def ask_overrides(project_id: UUID, after: UUID | None = None, limit: int | None = None) -> dict[str, Any]:
    """The parameters of LIST_OVERRIDES."""
    return {"project_id": project_id, "after": after, "limit": limit}


async def list_overrides(connection: AsyncConnection, project_id: UUID) -> Sequence[RateOverride]:
    """All overrides of a project by the moment from which they count; of two for the same moment, the one that was set
    later comes later, and counts."""
    rows = await connection.execute(LIST_OVERRIDES, ask_overrides(project_id))
    return sorted(map(read_override, rows), key=lambda override: override.starts_at)


def read_override(row: Any) -> RateOverride:
    return RateOverride(
        model=row.model,
        rates=Rates(**{kind: getattr(row, kind) for kind in KINDS}),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        provider=row.provider or "",
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
