"""The table of docs/api.md says of each route what the code does: scope, what may be kept, and which limits count."""

import re

import httpx
from fastapi.routing import iter_route_contexts

from api.access.routers import scopes_of
from api.app import create_app
from common.keys import Scope
from common.settings import ROOT, Settings
from tests.contract.running import Running, get, operations_of

ROW = re.compile(r"^\| `((?:GET|POST|PATCH|PUT|DELETE) \S+)` \| (\w+) \|[^|]+\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
KEPT = re.compile(r"private, max-age=(\d+)(?:, stale-while-revalidate=(\d+))?")


def scopes_in_code() -> dict[str, str]:
    """Each method and path with the scope that it asks for."""
    app = create_app(Settings.load(database_url="postgresql://x/y", redis_url="redis://x"))
    found = {}
    for route in iter_route_contexts(app.routes):
        if getattr(route.original_route, "include_in_schema", False):
            scopes = scopes_of(route.original_route)
            for method in route.methods or ():
                found[f"{method} {route.path}"] = "+".join(scope.value for scope in scopes) or "none"
    return found


def name_keeping(answer: httpx.Response) -> str:
    """How long a client may keep the answer, in the table's words."""
    said = answer.headers["Cache-Control"]
    kept = KEPT.fullmatch(said)
    assert kept or said == "no-store", said
    if kept is None:
        return "no"
    stale = f", {kept[2]} s more while it asks again" if kept[2] else ""
    return f"{kept[1]} s{stale}" if kept[1] != "0" else "under its ETag"


def name_limits(answer: httpx.Response) -> str:
    return ", ".join(re.findall(r'(?:^|, )"(\w+)"', answer.headers.get("RateLimit-Policy", ""))) or "none"


async def test_the_table_says_what_the_code_does(running: Running) -> None:
    table = {row[0]: row[1:] for row in ROW.findall((ROOT / "docs/api.md").read_text())}
    scopes = scopes_in_code()
    async with running.client(Scope.admin) as client:
        answers = {
            f"{method} {path}": await client.request(method, path.format_map(running.ids))
            for method, path, _ in operations_of(await get(client, "/openapi.json"))
        }
    in_code = {name: (scopes[name], name_keeping(answer), name_limits(answer)) for name, answer in answers.items()}
    assert table == in_code
