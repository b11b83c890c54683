"""Projects and keys: the only writer of `projects` and `api_keys`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import delete, func, select, text, update
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


async def rename_project(connection: AsyncConnection, name: str, to: str) -> str:
    """Give the project another name. Why not, as a sentence; empty when it is done."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": NAMES_LOCK})
    project_id = await find_project(connection, name)
    if project_id is None:
        return f"there is no project named {name}: see `./mayday project list`"
    if not to.strip():
        return "a project needs a name"
    if name != to and await find_project(connection, to) is not None:
        return f"there is a project named {to} already"
    await connection.execute(update(projects).where(projects.c.project_id == project_id).values(name=to))
    return ""


async def delete_project_row(connection: AsyncConnection, project_id: UUID) -> None:
    """Delete the project and its keys, once it has nothing else (`cli/deletion.py`)."""
    for table in (api_keys, projects):
        await connection.execute(delete(table).where(table.c.project_id == project_id))


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
            dsn_key_sha256=key.dsn_key.sha256 if scope is Scope.ingest else None,
        )
    )
    return str(key)


async def revoke_all_keys(connection: AsyncConnection, project_id: UUID) -> datetime | None:
    """Revoke every key of the project; when the last one was, now or before. None where it has no keys."""
    own = api_keys.c.project_id == project_id
    await connection.execute(
        update(api_keys).where(own, api_keys.c.revoked_at.is_(None)).values(revoked_at=datetime.now(UTC))
    )
    revoked_at: datetime | None = await connection.scalar(select(func.max(api_keys.c.revoked_at)).where(own))
    return revoked_at


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
