"""What a stranger can send to make others work: bodies that are small on the wire, or never end, on every route."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import brotli
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import Message

from api.access.routers import scopes_of
from api.pages.routers import Page
from common.compression import zstd
from common.keys import Scope

NOBODY = "00000000-0000-4000-8000-000000000000"
UNPACKED_BYTES = 19 * 2**20  # under every limit of the settings
JSON = ("content-type", "application/json")
LISTS = b"[" + b"[]," * (UNPACKED_BYTES // 3) + b"[]]"  # the dearest JSON to parse
BOMBS = {"gzip": gzip.compress(LISTS, 6), "br": brotli.compress(LISTS, quality=5), "zstd": zstd.compress(LISTS)}


@dataclass(frozen=True, slots=True)
class Attack:
    """Headers of a body, and its pieces; a body that never ends has no last one."""

    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...]
    ends: bool = True


ATTACKS = {
    **{
        f"{coding} bomb": Attack((JSON, ("content-encoding", coding), ("content-length", str(len(bomb)))), (bomb,))
        for coding, bomb in BOMBS.items()
    },
    "deep JSON": Attack((JSON, ("content-length", "2000000")), (b"[" * 10**6 + b"]" * 10**6,)),
    "19 MB in chunks": Attack((JSON, ("transfer-encoding", "chunked")), (LISTS,)),
    "never ends": Attack((JSON, ("content-length", "1000")), (b'{"name":',), ends=False),
    "too long, in no coding": Attack((("content-encoding", "snappy"), ("content-length", "9" * 12)), (b"x",)),
}


@dataclass(slots=True)
class Sender:
    """An ASGI `receive` that counts what was asked of it."""

    attack: Attack
    asked: int = 0

    async def receive(self) -> Message:
        self.asked += 1
        place = min(self.asked, len(self.attack.pieces)) - 1
        is_last = self.attack.ends and self.asked >= len(self.attack.pieces)
        return {"type": "http.request", "body": self.attack.pieces[place], "more_body": not is_last}


@dataclass(slots=True)
class Told:
    """An ASGI `send` that keeps the status."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}


async def ask(
    app: Any, state: dict[str, Any], method: str, path: str, key: str | None, attack: Attack
) -> tuple[Told, Sender]:
    """What the application answers, and how much of the body it asked for."""
    credentials = (("authorization", f"Bearer {key}"),) if key is not None else ()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"&".join(b"a%d=1" % number for number in range(2_000)),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in (*attack.headers, *credentials)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": dict(state),
    }
    told, sender = Told(), Sender(attack)
    await app(scope, sender.receive, told.send)
    return told, sender


def guarded_routes(app: FastAPI) -> Iterator[tuple[str, str, Scope]]:
    """Method, path and scope of every route that asks for a key, HEAD included, whatever the routes are."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Page):
            continue
        for scope in scopes_of(route.original_route):
            for method in sorted((route.methods or set()) | ({"HEAD"} if "GET" in (route.methods or ()) else set())):
                yield method, fill_in(route.path or ""), scope


def pages(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every page that asks for a session."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Page):
            yield from ((method, fill_in(route.path or "")) for method in sorted(route.methods or ()))


def fill_in(path: str) -> str:
    """The path with an id at each place for one."""
    return "/".join(NOBODY if part.startswith("{") else part for part in path.split("/"))
