"""What anyone may ask for of the pages is signing in and what pages load; all else asks for a session."""

from fastapi.routing import APIRoute

from api.access.routers import PUBLIC_PATHS
from api.pages.routers import Page
from api.pages.routes import ROUTERS
from api.pages.signing import links
from tests.conftest import Service


def test_every_page_checks_its_session() -> None:
    pages = [route for router in ROUTERS if router is not links for route in router.routes]
    assert len(pages) >= 10
    assert all(isinstance(route, Page) and route.path.startswith("/p/{project_id}") for route in pages)
    assert not {route.path for route in pages if isinstance(route, APIRoute)} & PUBLIC_PATHS


async def test_what_is_public_reads_no_project(service: Service) -> None:
    stranger = await service.client(None)
    assert (await stranger.get("/")).headers["location"] == "/signin"
    assert (await stranger.get("/signin")).status_code == 200
    assert (await stranger.get("/signin/nothing")).status_code == 401
