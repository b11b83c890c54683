"""How the service does, for who administers the project: the status of the API as a page."""

from fastapi import Request, Response

from api.pages.frame import show
from api.pages.routers import Admin, PageRouter
from api.status.routes import get_status

router = PageRouter()


@router.get("/p/{project_id}/system")
async def show_system(request: Request, caller: Admin) -> Response:
    """Programs, jobs, retention, what waits; and for operators what all projects take of the disk."""
    return await show(request, "system.html", "System", status=await get_status(request, caller))
