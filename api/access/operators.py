"""Who operates the installation: admin keys of the project that MAYDAY_OPERATOR_PROJECT names (decisions 10 and 32)."""

from typing import cast
from uuid import UUID

from fastapi import Request
from sqlalchemy import text

from api.access.keys import Caller
from api.access.shares import share_of
from api.http.problems import Forbidden
from common.database.connections import Connects
from common.keys import Scope
from common.settings.programs import TelemetrySettings

# Whether a project has the name of the one that is the operators' own.
IS_NAMED = text("SELECT EXISTS (SELECT FROM projects WHERE project_id = :project_id AND name = :name)")


async def is_of_operators(engine: Connects, settings: TelemetrySettings, project_id: UUID) -> bool:
    """Whether the project's admin keys may see and do what concerns all projects together."""
    if not settings.operator_project:
        return False
    async with engine.connect() as connection:
        asked = {"project_id": project_id, "name": settings.operator_project}
        return bool(await connection.scalar(IS_NAMED, asked))


async def is_operator(request: Request, caller: Caller) -> bool:
    """Whether the caller operates the installation."""
    settings = cast("TelemetrySettings", request.state.settings)
    engine = share_of(request, caller.project_id)
    return caller.scope is Scope.admin and await is_of_operators(engine, settings, caller.project_id)


async def require_operator(request: Request, caller: Caller) -> None:
    """Raises Forbidden, which says nothing of any other project."""
    if not await is_operator(request, caller):
        raise Forbidden(
            "only admin keys of the project that MAYDAY_OPERATOR_PROJECT names may do this; where Mayday runs,"
            " `./mayday project` does it too"
        )
