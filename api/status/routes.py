"""The route that tells an admin key how the service does, and nothing of other projects."""

from typing import cast

from fastapi import Request

from api.access.keys import AdminCaller
from api.access.operators import is_of_operators
from api.access.routers import Router
from api.access.shares import share_of
from api.status import facts
from api.status.schemas import Status
from common.settings import Settings

router = Router(tags=["status"])


@router.get("/api/status", summary="How does the service do?")
async def get_status(request: Request, caller: AdminCaller) -> Status:
    """Versions, processes, jobs and retention; of the project its rates and how far the worker is with it.

    What all projects together take (disk, connections) is for keys of MAYDAY_OPERATOR_PROJECT alone.
    """
    engine, settings = share_of(request, caller.project_id), cast("Settings", request.state.settings)
    sees_all = await is_of_operators(engine, settings, caller.project_id)
    return Status(
        service=await facts.find_service(engine, settings),
        project=await facts.find_project(engine, caller.project_id),
        installation=await facts.find_installation(engine, settings) if sees_all else None,
    )
