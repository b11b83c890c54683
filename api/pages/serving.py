"""What pages load beside themselves: our own style sheet and scripts, from this host alone."""

from starlette.requests import Request
from starlette.responses import Response

from api.http.problems import NotFound
from api.pages.rendering import ASSETS, asset

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
NAMES = frozenset(path.name for path in ASSETS.iterdir() if path.suffix in MEDIA_TYPES)
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


async def show_asset(request: Request) -> Response:
    """For `GET /assets/{digest}/{name}`. Raises NotFound, also for one of another release, which no page of ours names."""
    name = request.path_params["name"]
    if name not in NAMES or request.url.path != asset(name):
        raise NotFound("there is no such asset in this release: open the page anew")
    path = ASSETS / name
    return Response(path.read_bytes(), headers=KEPT, media_type=MEDIA_TYPES[path.suffix])
