"""The routes for keys, of the caller's own project, and for projects, which are the operators' alone (decision 34)."""

from datetime import timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.access.keys import AdminCaller, Caller, KeyRing
from api.access.operators import require_operator
from api.access.project_schemas import (
    Contents,
    KeyIn,
    KeyList,
    KeyMade,
    KeyOut,
    ProjectIn,
    ProjectList,
    ProjectMade,
    ProjectOut,
)
from api.access.routers import Router
from api.access.sessions import SessionRing
from api.access.shares import share_of
from api.http.problems import PROBLEM_RESPONSE, Conflict, NotFound
from common.keys import Scope, parse_key
from common.projects import (
    ProjectGone,
    begin_deletion,
    create_key,
    find_dsn,
    list_keys,
    list_projects,
    make_project,
    rename_project,
    revoke_key,
)
from common.projects.deletion import count_rows
from common.settings import Settings

KEYS_MAX, REVOKED_SHOWN = 1_000, 200
COUNTED_AT_MOST = 100_000
NO_PROJECT = "there is no such project, or it is being deleted: see GET /api/projects"

keys = Router(prefix="/api/keys", tags=["keys"])
projects = Router(prefix="/api/projects", tags=["projects"])


@keys.get("", summary="The keys of the project")
async def list_project_keys(request: Request, response: Response, caller: AdminCaller) -> KeyList:
    """Every key with how it stands and when it was used last; never the secret."""
    response.headers["Cache-Control"] = "no-store"
    async with share_of(request, caller.project_id).connect() as connection:
        rows = await list_keys(connection, caller.project_id)
    revoked = [row.key_id for row in rows if row.state == "revoked"]
    left_out = set(revoked[:-REVOKED_SHOWN])
    return KeyList(
        keys=[
            KeyOut(
                id=row.key_id, scope=row.scope, name=row.name, state=row.state, created_at=row.created_at,
                last_used_at=row.used_at, expires_at=row.expires_at,
            )
            for row in rows
            if row.key_id not in left_out
        ]
    )  # fmt: skip


@keys.post("", status_code=201, responses={409: PROBLEM_RESPONSE}, summary="Make a key")
async def create_project_key(request: Request, response: Response, caller: AdminCaller, sent: KeyIn) -> KeyMade:
    """Make a key of the caller's project. The answer is the only time that it is seen."""
    response.headers["Cache-Control"] = "no-store"
    async with share_of(request, caller.project_id).begin() as connection:
        valid = sum(row.state == "valid" for row in await list_keys(connection, caller.project_id))
        if valid >= KEYS_MAX:
            raise Conflict(f"this project has {valid:,} keys: revoke those that nothing uses")
        made = await describe_new_key(request, connection, caller.project_id, sent)
    response.headers["Location"] = f"{keys.prefix}/{made.id}"
    return made


async def describe_new_key(request: Request, connection: AsyncConnection, project_id: UUID, sent: KeyIn) -> KeyMade:
    """Make it. Raises NotFound where its project is being deleted."""
    span = None if sent.expires_in_days is None else timedelta(days=sent.expires_in_days)
    try:
        key = await create_key(connection, project_id, Scope(sent.scope), sent.name, span)
    except ProjectGone as error:
        raise NotFound(NO_PROJECT) from error
    parsed = parse_key(key)
    return KeyMade(
        id=parsed.key_id if parsed else "", key=key, dsn=await find_dsn(connection, key, base_url_of(request))
    )


@keys.delete("/{key_id}", status_code=204, summary="Revoke a key")
async def delete_project_key(request: Request, caller: AdminCaller, key_id: str) -> Response:
    """End a key of the caller's project, and all sessions that were made with it. Other processes of the API may trust it for
    30 s more."""
    async with share_of(request, caller.project_id).begin() as connection:
        if "\0" in key_id or not await revoke_key(connection, key_id, caller.project_id):
            raise NotFound("there is no valid key with this id in this project: see GET /api/keys")
    forget_key(request, caller.project_id, key_id)
    return Response(status_code=204)


def forget_key(request: Request, project_id: UUID, key_id: str | None = None) -> None:
    """Have this process ask again for the keys and sessions of a project, or for one key's."""
    for ring in (request.state.key_ring, request.state.dsn_ring):
        cast("KeyRing", ring).forget(project_id, key_id)
    cast("SessionRing", request.state.session_ring).forget_key(project_id, key_id)


def base_url_of(request: Request) -> str:
    """Where senders reach the API: as operators say, else as the one who asks does."""
    return cast("Settings", request.state.settings).public_url or str(request.base_url).rstrip("/")


@projects.get("", summary="The projects of the installation")
async def list_all_projects(request: Request, response: Response, caller: AdminCaller) -> ProjectList:
    """For operators: admin keys of MAYDAY_OPERATOR_PROJECT."""
    response.headers["Cache-Control"] = "no-store"
    await require_operator(request, caller)
    async with share_of(request, caller.project_id).connect() as connection:
        rows = await list_projects(connection)
    return ProjectList(
        projects=[
            ProjectOut(
                id=row.project_id, number=row.number, name=row.name, created_at=row.created_at,
                state="active" if row.deletion_began_at is None else "deleting",
            )
            for row in rows
        ]
    )  # fmt: skip


@projects.post("", status_code=201, responses={409: PROBLEM_RESPONSE}, summary="Make a project")
async def create_project(request: Request, response: Response, caller: AdminCaller, sent: ProjectIn) -> ProjectMade:
    """For operators. The answer holds its first key, an admin's, and is the only time that it is seen."""
    response.headers["Cache-Control"] = "no-store"
    await require_operator(request, caller)
    async with share_of(request, caller.project_id).begin() as connection:
        project_id = await make_project(connection, sent.name)
        if project_id is None:
            raise Conflict("there is a project of that name already")
        key = await create_key(connection, project_id, Scope.admin, "first key")
    response.headers["Location"] = f"{projects.prefix}/{project_id}"
    return ProjectMade(id=project_id, name=sent.name, admin_key=key)


@projects.patch("/{project_id}", responses={409: PROBLEM_RESPONSE}, summary="Give a project another name")
async def change_project(request: Request, caller: AdminCaller, project_id: UUID, change: ProjectIn) -> ProjectOut:
    """For operators. Its keys, errors and patterns stay as they are; the operators' own project keeps its name."""
    await require_operator(request, caller)
    refuse_own(caller, project_id)
    async with share_of(request, caller.project_id).begin() as connection:
        try:
            problem = await rename_project(connection, project_id, change.name)
        except ProjectGone as error:
            raise NotFound(NO_PROJECT) from error
        if problem:
            raise Conflict(problem)
    forget_key(request, project_id)
    return await require_project(request, caller, project_id)


@projects.get("/{project_id}/contents", summary="What a project has")
async def get_project_contents(request: Request, caller: AdminCaller, project_id: UUID) -> Contents:
    """For operators: what the deletion of the project would take away."""
    await require_operator(request, caller)
    project = await require_project(request, caller, project_id)
    # it stands for the engine: `connect` and `begin` are all that is asked of it
    engine = cast("AsyncEngine", share_of(request, caller.project_id))
    return Contents(id=project.id, name=project.name, rows=await count_rows(engine, project_id, COUNTED_AT_MOST))


@projects.delete("/{project_id}", status_code=202, responses={409: PROBLEM_RESPONSE}, summary="Delete a project")
async def delete_project(
    request: Request,
    caller: AdminCaller,
    project_id: UUID,
    name: Annotated[str, Query(description="Its name once more, so that no wrong one goes.")],
) -> ProjectOut:
    """For operators. Its keys end now; the worker deletes all that it has, and goes on after whatever interrupts
    it. Nothing takes it back."""
    await require_operator(request, caller)
    refuse_own(caller, project_id)
    project = await require_project(request, caller, project_id)
    if project.name != name:
        raise Conflict("name: give the name of the project that is to be deleted, exactly")
    async with share_of(request, caller.project_id).begin() as connection:
        await begin_deletion(connection, project_id)
    forget_key(request, project_id)
    return project.model_copy(update={"state": "deleting"})


async def require_project(request: Request, caller: Caller, project_id: UUID) -> ProjectOut:
    """The project, for an operator. Raises NotFound."""
    listed = await list_all_projects(request, Response(), caller)
    found = next((one for one in listed.projects if one.id == project_id), None)
    if found is None:
        raise NotFound(NO_PROJECT)
    return found


def refuse_own(caller: Caller, project_id: UUID) -> None:
    """Raises Conflict: who operates would lose that with its name."""
    if project_id == caller.project_id:
        raise Conflict(
            "this is the operators' own project, which MAYDAY_OPERATOR_PROJECT names: it is renamed and deleted where Mayday"
            " runs, with `./mayday project`"
        )
