"""How the service does, keys and projects, for who administers the project: routes of the API as pages.

A new key is shown on the page that answers the form, and nowhere else: neither an address nor a cookie carries it.
"""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from api.access import project_routes
from api.access.keys import Caller
from api.access.operators import is_operator, require_operator
from api.access.project_schemas import KeyIn, KeyMade, ProjectIn, ProjectMade
from api.http.problems import Invalid
from api.pages.addresses import home_of
from api.pages.decide import one_of, read_ids, read_number
from api.pages.frame import base_url_of, show
from api.pages.routers import Admin, PageRouter, go_to, read_form
from api.status.routes import get_status

NO_EXPIRY = ""

router = PageRouter()


@router.get("/p/{project_id}/system")
async def show_system(request: Request, caller: Admin) -> Response:
    """Programs, jobs, retention, what waits; keys; and for operators what all projects take of the disk, and the projects."""
    return await show_system_page(request, caller)


async def show_system_page(
    request: Request, caller: Caller, *, made: KeyMade | None = None, founded: ProjectMade | None = None
) -> Response:
    """The page, with what was just made: its secret is in no other answer, and in no cache."""
    listed = (await project_routes.list_project_keys(request, Response(), caller)).keys
    may_found = await is_operator(request, caller)
    answer = await show(
        request, "system.html", "System",
        status=await get_status(request, caller),
        keys=[one for one in listed if one.state != "revoked"],
        revoked=[one for one in listed if one.state == "revoked"],
        own_key=caller.key_id,
        projects=(await project_routes.list_all_projects(request, Response(), caller)).projects if may_found else None,
        own_project=caller.project_id,
        made=made,
        founded=founded,
        base_url=project_routes.base_url_of(request) if made is not None and made.dsn else base_url_of(request),
    )  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/p/{project_id}/keys")
async def change_keys(request: Request, caller: Admin) -> Response:
    """Make a key, or revoke one."""
    form = await read_form(request)
    match one_of(form, "do"):
        case "make":
            days = one_of(form, "days", NO_EXPIRY).strip()
            asked: dict[str, Any] = {"scope": one_of(form, "scope"), "name": one_of(form, "name", "").strip()}
            asked |= {"expires_in_days": read_number(days, 3_650)} if days else {}
            made = await project_routes.create_project_key(request, Response(), caller, KeyIn.model_validate(asked))
            return await show_system_page(request, caller, made=made)
        case "revoke":
            await project_routes.delete_project_key(request, caller, one_of(form, "key"))
            return go_to(home_of(caller.project_id) + "system?done=revoke#project-keys")
    raise Invalid("this is nothing that can be done with keys: open the page anew, and try again there")


@router.post("/p/{project_id}/projects")
async def change_projects(request: Request, caller: Admin) -> Response:
    """Make a project, give one another name, or begin to delete one."""
    form = await read_form(request)
    what, name = one_of(form, "do"), one_of(form, "name", "")
    if what == "make":
        founded = await project_routes.create_project(
            request, Response(), caller, ProjectIn.model_validate({"name": name})
        )
        return await show_system_page(request, caller, founded=founded)
    [subject] = read_ids(form.get("project", [])) or [UUID(int=0)]
    if what == "rename":
        await project_routes.change_project(request, caller, subject, ProjectIn.model_validate({"name": name}))
    elif what == "delete":
        await project_routes.delete_project(request, caller, subject, name)
    else:
        raise Invalid("this is nothing that can be done with projects: open the page anew, and try again there")
    return go_to(f"{home_of(caller.project_id)}system?done={what}#all-projects")


@router.get("/p/{project_id}/system/projects/{subject}")
async def show_deletion(request: Request, caller: Admin, subject: UUID) -> Response:
    """What a project has, before somebody deletes it."""
    await require_operator(request, caller)
    contents = await project_routes.get_project_contents(request, caller, subject)
    return await show(request, "deletion.html", "System", contents=contents, is_own=subject == caller.project_id)
