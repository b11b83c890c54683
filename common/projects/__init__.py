"""Projects and keys, for the command line and the API: the only writer of `projects` and `api_keys`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from common.keys import Scope, make_dsn, make_key, parse_key
from common.tables import api_keys, projects

# no unique constraint may lack project_id, so that names are unique is kept by this lock
NAMES_LOCK = 0x6E616D65
# Keys with their project and how they stand, those of one project or of all.
LIST_KEYS = text("""
    SELECT k.key_id, p.name AS project, k.scope, k.name, k.created_at, u.used_at, k.expires_at,
           CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= now() THEN 'expired' ELSE 'valid' END
           AS state
    FROM api_keys k JOIN projects p ON p.project_id = k.project_id
    LEFT JOIN key_uses u ON u.project_id = k.project_id AND u.key_id = k.key_id
    WHERE CAST(:project_id AS uuid) IS NULL OR k.project_id = :project_id
    ORDER BY p.name, k.created_at, k.key_id
""")
# Holds a deletion of the project off until the transaction ends; nothing for one that is being deleted.
HOLD_PROJECT = text(
    "SELECT number FROM projects WHERE project_id = :project_id AND deletion_began_at IS NULL FOR SHARE"
)
# How long ago the last key of a project was revoked; nothing where it has none.
SECONDS_SINCE_REVOKED = text(
    "SELECT extract(epoch FROM clock_timestamp() - max(revoked_at))::float FROM api_keys WHERE project_id = :project_id"
)


class ProjectGone(LookupError):
    """There is no such project, or it is being deleted."""


async def ensure_project(connection: AsyncConnection, name: str) -> UUID:
    """The id of the project of that name, which is made when there is none."""
    made = await make_project(connection, name)
    if made is not None:
        return made
    found: UUID = (await connection.execute(select(projects.c.project_id).where(projects.c.name == name))).scalar_one()
    return found


async def make_project(connection: AsyncConnection, name: str) -> UUID | None:
    """The id of a new project; None where there is one of that name."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": NAMES_LOCK})
    if await find_project(connection, name) is not None:
        return None
    project_id = uuid_utils.compat.uuid7()
    await connection.execute(
        projects.insert().values(project_id=project_id, name=name, created_at=func.clock_timestamp())
    )
    return project_id


async def list_projects(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Every project, the oldest first."""
    return (await connection.execute(select(projects).order_by(projects.c.created_at, projects.c.project_id))).all()


async def find_project(connection: AsyncConnection, name: str) -> UUID | None:
    """The id of the project of that name."""
    return await connection.scalar(select(projects.c.project_id).where(projects.c.name == name))


async def rename_project(connection: AsyncConnection, project_id: UUID, to: str) -> str:
    """Give the project another name. Why not, as a sentence; empty when it is done. Raises ProjectGone."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": NAMES_LOCK})
    await hold_project(connection, project_id)
    if not to.strip():
        return "a project needs a name"
    if await find_project(connection, to) not in (None, project_id):
        return f"there is a project named {to} already"
    await connection.execute(update(projects).where(projects.c.project_id == project_id).values(name=to))
    return ""


async def hold_project(connection: AsyncConnection, project_id: UUID) -> int:
    """Keep the project from being deleted until the transaction ends; its number. Raises ProjectGone."""
    number: int | None = await connection.scalar(HOLD_PROJECT, {"project_id": project_id})
    if number is None:
        raise ProjectGone(f"there is no project {project_id}, or it is being deleted")
    return number


async def begin_deletion(connection: AsyncConnection, project_id: UUID) -> float | None:
    """End every key of the project and mark it as one that is being deleted, which is never taken back; it gets no key any more.
    How many seconds ago its last key was revoked; None where it has none."""
    began = func.coalesce(projects.c.deletion_began_at, func.now())
    await connection.execute(
        update(projects).where(projects.c.project_id == project_id).values(deletion_began_at=began)
    )
    return await revoke_all_keys(connection, project_id)


async def delete_project_row(connection: AsyncConnection, project_id: UUID) -> None:
    """Delete the project and its keys, once it has nothing else (`deletion.py`)."""
    for table in (api_keys, projects):
        await connection.execute(delete(table).where(table.c.project_id == project_id))


async def create_key(
    connection: AsyncConnection, project_id: UUID, scope: Scope, name: str, valid_for: timedelta | None = None
) -> str:
    """Make and store a key, which ends by itself after `valid_for` (None: never). The text returned is the only time that
    the secret is seen. Raises ProjectGone."""
    await hold_project(connection, project_id)
    key = make_key(scope)
    await connection.execute(
        api_keys.insert().values(
            project_id=project_id,
            key_id=key.key_id,
            scope=scope.value,
            name=name,
            secret_sha256=key.secret_sha256,
            created_at=func.clock_timestamp(),
            expires_at=None if valid_for is None else func.now() + valid_for,
            dsn_key_sha256=key.dsn_key.sha256 if scope is Scope.ingest else None,
        )
    )
    return str(key)


async def revoke_all_keys(connection: AsyncConnection, project_id: UUID) -> float | None:
    """Revoke every key of the project; how many seconds ago the last one was. None where it has no keys."""
    own = api_keys.c.project_id == project_id
    await connection.execute(
        update(api_keys).where(own, api_keys.c.revoked_at.is_(None)).values(revoked_at=func.clock_timestamp())
    )
    ago: float | None = await connection.scalar(SECONDS_SINCE_REVOKED, {"project_id": project_id})
    return ago


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


async def revoke_key(connection: AsyncConnection, key_id: str, project_id: UUID | None = None) -> bool:
    """Revoke, of this project alone where one is named; False when there is no such key, or it was revoked before. Works after
    `key_cache_seconds` at most."""
    which = [api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None)]
    which += [] if project_id is None else [api_keys.c.project_id == project_id]
    revoked = await connection.execute(update(api_keys).where(*which).values(revoked_at=func.clock_timestamp()))
    return revoked.rowcount > 0


async def list_keys(connection: AsyncConnection, project_id: UUID | None = None) -> Sequence[Row[Any]]:
    """Every key of the project, or of all: never its secret."""
    return (await connection.execute(LIST_KEYS, {"project_id": project_id})).all()
