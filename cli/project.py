"""Projects and keys: the only writer of `projects` and `api_keys`."""

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from common.keys import Scope, make_dsn, make_key, parse_key
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


async def create_key(connection: AsyncConnection, project_id: UUID, scope: Scope, name: str) -> str:
    """Make and store a key. The text returned is the only time that the secret is seen."""
    key = make_key(scope)
    await connection.execute(
        api_keys.insert().values(
            project_id=project_id,
            key_id=key.key_id,
            scope=scope.value,
            name=name,
            secret_sha256=key.secret_sha256,
            created_at=datetime.now(UTC),
            dsn_key_sha256=key.dsn_key.sha256 if scope is Scope.ingest else None,
        )
    )
    return str(key)


async def find_dsn(connection: AsyncConnection, key_text: str, base_url: str) -> str | None:
    """The DSN of an ingest key at this address; None where there is no such key. One that was made before keys had a form
    for DSNs gets it."""
    key = parse_key(key_text)
    if key is None or key.scope is not Scope.ingest:
        return None
    joined = select(api_keys, projects.c.number).join(projects, projects.c.project_id == api_keys.c.project_id)
    found = (await connection.execute(joined.where(api_keys.c.key_id == key.key_id))).one_or_none()
    if found is None or not key.is_stored_as(found.secret_sha256):
        return None
    if found.dsn_key_sha256 is None:
        given = update(api_keys).where(api_keys.c.key_id == key.key_id)
        await connection.execute(given.values(dsn_key_sha256=key.dsn_key.sha256))
    return make_dsn(key.dsn_key, found.number, base_url)


async def revoke_key(connection: AsyncConnection, key_id: str) -> bool:
    """Revoke; False when there is no such key, or it was revoked before. Works after `key_cache_seconds` at most."""
    revoked = await connection.execute(
        update(api_keys)
        .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )
    return revoked.rowcount > 0
