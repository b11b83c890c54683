"""Projects and keys: the only writer of `projects` and `api_keys`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from common.keys import Scope, make_key
from common.tables import api_keys, projects

# no unique constraint may lack project_id, so that names are unique is kept by this lock
NAMES_LOCK = 0x6E616D65


async def ensure_project(connection: AsyncConnection, name: str) -> UUID:
    """The id of the project of that name, which is made when there is none."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": NAMES_LOCK})
    found = await find_project(connection, name)
    if found is not None:
        return found
    project_id = uuid_utils.compat.uuid7()
    await connection.execute(projects.insert().values(project_id=project_id, name=name, created_at=datetime.now(UTC)))
    return project_id


async def find_project(connection: AsyncConnection, name: str) -> UUID | None:
    """The id of the project of that name."""
    return await connection.scalar(select(projects.c.project_id).where(projects.c.name == name))


async def create_key(
    connection: AsyncConnection, project_id: UUID, scope: Scope, name: str, valid_for: timedelta | None = None
) -> str:
    """Make and store a key, which ends by itself after `valid_for` (None: never). The text returned is the only time that
    the secret is seen."""
    key = make_key(scope)
    await connection.execute(
        api_keys.insert().values(
            project_id=project_id,
            key_id=key.key_id,
            scope=scope.value,
            name=name,
            secret_sha256=key.secret_sha256,
            created_at=datetime.now(UTC),
            expires_at=None if valid_for is None else func.now() + valid_for,
        )
    )
    return str(key)


async def revoke_key(connection: AsyncConnection, key_id: str) -> bool:
    """Revoke; False when there is no such key, or it was revoked before. Works after `key_cache_seconds` at most."""
    revoked = await connection.execute(
        update(api_keys)
        .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )
    return revoked.rowcount > 0
