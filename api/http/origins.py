"""Other origins: pages that may send errors from a browser (CORS). Nothing else is ever open to them."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import Forbidden
from common.settings.urls import LOCAL_HOSTS

SENT_HEADERS = ("Authorization", "Content-Encoding", "Content-Type", "X-API-Key", "X-Request-ID")
SHOWN_HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID")
REMEMBER_SECONDS = 600


class IngestOrigins:
    """ASGI middleware: requests to `paths` get the answers that browsers ask for; other requests pass as they are.

    `origins` is the setting: empty for none, `*` for all. No cookies, so a page needs a key to get anywhere.
    """

    def __init__(self, app: ASGIApp, paths: frozenset[str], origins: str) -> None:
        self.app = app
        self.paths = paths if origins else frozenset[str]()
        allowed = [origin.strip().lower() for origin in origins.split(",")]
        self.cors = Cors(
            app,
            allow_origins=allowed,
            allow_methods=("POST",),
            allow_headers=SENT_HEADERS,
            expose_headers=SHOWN_HEADERS,
            max_age=REMEMBER_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_for_pages = scope["type"] == "http" and scope["path"] in self.paths
        await (self.cors if is_for_pages else self.app)(scope, receive, send)


class AnyOrigin:
    """ASGI middleware: any page may send to these paths, with whatever headers. For protocols whose keys are made to stand in
    pages; no cookies, so a page needs a key to get anywhere. `shown_headers` are those that a page may read of the answer."""

    def __init__(self, app: ASGIApp, paths: re.Pattern[str], shown_headers: Sequence[str]) -> None:
        self.app = app
        self.paths = paths
        self.cors = Cors(
            app,
            allow_origins=("*",),
            allow_methods=("POST",),
            allow_headers=("*",),
            expose_headers=(*SHOWN_HEADERS, *shown_headers),
            max_age=REMEMBER_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_for_pages = scope["type"] == "http" and self.paths.fullmatch(scope["path"]) is not None
        await (self.cors if is_for_pages else self.app)(scope, receive, send)


class OwnOrigin:
    """ASGI middleware: `paths` are for programs, and for pages of this machine and of `public_url` alone. Another page that has a
    browser ask here, by a name that it turned to our address, is refused before its key is looked at; so is a page that would not
    say whose it is (`null`)."""

    def __init__(self, app: ASGIApp, paths: frozenset[str], public_url: str) -> None:
        self.app = app
        self.paths = paths
        self.own = origin_of(public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self.paths:
            for origin in Headers(scope=scope).getlist("origin"):
                if not self.is_own(origin):
                    raise Forbidden("pages of this origin may not ask here: programs send no Origin")
        await self.app(scope, receive, send)

    def is_own(self, origin: str) -> bool:
        return origin_of(origin) == self.own != "" or is_loopback(origin)


def origin_of(url: str) -> str:
    """Scheme, host and port as a browser says them; empty where there are none."""
    try:
        parts = urlsplit(url.strip().lower())
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.hostname else ""


def is_loopback(origin: str) -> bool:
    try:
        host = urlsplit(origin.strip().lower()).hostname
    except ValueError:
        return False
    return host in LOCAL_HOSTS


class Cors(CORSMiddleware):
    """Starlette's, which says no in plain text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code >= 400:
            raise Forbidden("this origin, method or header is not allowed here: see MAYDAY_INGEST_ORIGINS")
        return response
