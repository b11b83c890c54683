"""Whatever a client sends to a target of the fast lane, it is told the same, byte for byte, with the lane on and off.

Both ways are listeners of one application with one state, so that nothing but the way differs. Each request is sent twice on
a connection, since one that comes again is known by its bytes, and then another is asked, since bounds that are read
in two ways show in what follows.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from api.app import create_app
from common.settings import Settings
from common.telemetry.exposition import make_registry
from tests.api.pages.browsing import sign_in
from tests.conftest import Service
from tests.listening import listening

MIXED = 3_000 if os.environ.get("MAYDAY_TEST_ATTACKS") == "long" else 60
SEED = 17
LAST = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-ID: last\r\nConnection: close\r\n\r\n"
EVENT_ID = "0192f0c0-0000-7000-8000-000000000001"
ERROR = json.dumps({"service": "s", "severity": "error", "message": "m 1", "event_id": EVENT_ID}).encode()
BATCH, LOG = b"/api/errors/batch", b"/api/errors/log"
RECENT, PATTERNS = b"/api/errors/recent", b"/api/errors/patterns"
# What differs between any two answers.
CHANGING = [
    (re.compile(rb"\r\ndate: [^\r]+"), b""),
    (re.compile(rb'"(key|project|errors|bytes)";r=\d+;t=\d+'), rb"\1"),
    (re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), b"EVENT-ID"),
    (re.compile(rb"[0-9a-f]{32}"), b"REQUEST-ID"),
    (re.compile(rb"x-mayday-cache: (hit|miss)"), b"x-mayday-cache: by who asked first"),
]


def request(method: bytes, target: bytes, *lines: bytes, body: bytes | None = None, end: bytes = b"\r\n") -> bytes:
    """KEY stands where the key will, PROJECT and SESSION where its project and a session of it."""
    length = [] if body is None else [b"Content-Length: %d" % len(body)]
    head = [b"%b %b HTTP/1.1" % (method, target), b"Host: x", b"X-Request-ID: same", *length, *lines]
    return end.join([*head, b"", body or b""])


AUTHORIZED = b"Authorization: Bearer KEY"
# Lines that change what a request means, or might for someone.
ODD_LINES = [
    *(b"Accept-Encoding: gzip", b"Accept-Encoding: identity", b"Accept-Encoding: br;q=0, *", b"Accept-Encoding:"),
    *(b"Content-Type: text/plain", b"Content-Type: application/x-ndjson", b"Content-Type: \xff", b"Content-Type:"),
    *(b"Content-Encoding: gzip", b"Content-Encoding: identity", b"Content-Encoding: nothing"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding:\x0bchunked"),
    *(b"Expect: 100-continue", b"Expect: something", b"Upgrade: h2c", b"Connection: Upgrade\r\nUpgrade: websocket"),
    *(b"Connection: close", b"Connection: keep-alive", b"Connection: keep-alive, close", b"Keep-Alive: 1"),
    *(b"Host: y", b"Host: a b", b"Content-Length: 5", b"Content-Length: +5", b"Content-Length: 0x5"),
    *(b"Origin: https://pages.example", b"X-API-Key: KEY", b"X-API-Key: another", b"X-HTTP-Method-Override: GET"),
    *(
        AUTHORIZED,
        b"Authorization: bearer KEY",
        b"Authorization: Bearer  KEY",
        b"Authorization: Bearer",
        b"authorization:",
    ),
    *(b"If-None-Match: *", b'If-None-Match: "x", W/"y"', b"If-None-Match: \xff", b"If-Match: *", b"Range: bytes=0-1"),
    *(b"X-Request-ID: a b", b"X-Request-ID: \xff", b"X-Request-ID: other", b"X: folded\r\n line", b"X : blank"),
    *(b"X", b": no name", b"X: \x00", b"X: \x7f", b"X\x00: y", b"X:" + b"y" * 3_000, b"X:" + b"y" * 40_000),
    *(b"Forwarded: for=1", b"X-Forwarded-Prefix: /api", b"TE: trailers", b"Trailer: x", b"traceparent: 00-zz-1-1"),
]
BODIES = [
    *(ERROR, b'{"errors": [%b]}' % ERROR, b"", b"{", b"[]", b"null", b"\xef\xbb\xbf" + ERROR, b"\xff\xfe", b"\x00"),
    *(b'{"service": "s"}', b'{"service": "\\ud800", "severity": "error", "message": "m"}', b"[" * 400 + b"]" * 400),
    *(
        ERROR[:-1] + b', "service": "twice"}',
        ERROR.replace(b'"m 1"', b"NaN"),
        ERROR + b"\r\n\r\n",
        ERROR + b"\n" + ERROR,
    ),
    *(b'{"errors": []}', b'{"errors": [7, {}]}', b'{"errors": %b}' % ERROR, b'{"message": "%b"}' % (b"x" * 20_000)),
    *(LAST, ERROR.replace(b"error", b"Error"), ERROR.replace(b"m 1", b"password=hunter2 of %d %%b")),
]
TARGETS = [
    *(BATCH, LOG, RECENT, PATTERNS, LOG + b"?x=1", LOG + b"/", b"/" + LOG, b"/api/errors/%6cog", b"http://x" + LOG),
    *(
        RECENT + b"?",
        RECENT + b"?limit=1",
        RECENT + b"?limit=x",
        RECENT + b"#x",
        b"http://x" + RECENT,
        b"*",
        b"/API/errors/log",
    ),
]
PAGE = b"/p/PROJECT/?window=24h"
PAGES = [
    PAGE,
    PAGE + b"#x",
    b"/p/PROJECT/",
    b"/p/PROJECT/?",
    b"/p/%50ROJECT/",
    b"http://x" + PAGE,
    b"/p/",
    b"/p//",
    b"/p/PROJECT/live",
]
SIGNED_IN = b"Cookie: SESSION"
COOKIES = [
    *(
        b"Cookie:",
        b"Cookie: a=b; SESSION",
        b"Cookie: SESSION; SESSION",
        b"Cookie: SESSIONx",
        b"cookie: SESSION",
        b"Cookie: \xff",
    ),
    *(
        SIGNED_IN + b"\r\n" + SIGNED_IN,
        b"Cookie: a=b\r\n" + SIGNED_IN,
        b"Cookie: $Version=1; SESSION",
        b"Cookie: SESSION,",
    ),
]
METHODS = [b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"get", b"CONNECT", b"PRI"]


def post(*lines: bytes) -> bytes:
    return request(b"POST", LOG, AUTHORIZED, *lines, body=ERROR)


def get(*lines: bytes) -> bytes:
    return request(b"GET", RECENT, AUTHORIZED, *lines)


def look(*lines: bytes, target: bytes = PAGE) -> bytes:
    return request(b"GET", target, SIGNED_IN, b"Accept-Encoding: br", *lines)


def named() -> list[bytes]:
    """Each oddity by itself."""
    one_of_each = [
        *(post(line) for line in ODD_LINES),
        *(get(line) for line in ODD_LINES),
        *(look(line) for line in (*ODD_LINES, b"Sec-Fetch-Site: cross-site")),
        *(look(target=target) for target in PAGES),
        *(request(b"GET", PAGE, b"Accept-Encoding: br", cookies) for cookies in COOKIES),
        *(request(method, PAGE, SIGNED_IN, b"Accept-Encoding: br") for method in METHODS),
        *(request(b"POST", target, AUTHORIZED, body=body) for target in (LOG, BATCH) for body in BODIES),
        *(request(method, target, AUTHORIZED, body=ERROR) for method in METHODS for target in (LOG, RECENT)),
        *(request(method, target, AUTHORIZED) for method in METHODS for target in (BATCH, PATTERNS)),
        *(request(b"POST", target, AUTHORIZED, body=ERROR) for target in TARGETS),
        *(request(b"GET", target, AUTHORIZED) for target in TARGETS),
        *(request(b"POST", target, body=ERROR) for target in (LOG, BATCH)),
        *(request(b"GET", target) for target in (RECENT, PATTERNS)),
    ]
    changed = [
        *(post(), get()),
        *(
            sent.replace(b"HTTP/1.1", version)
            for sent in (post(), get())
            for version in (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0")
        ),
        *(sent.replace(b"Host: x\r\n", b"") for sent in (post(), get())),
        *(sent.replace(b"\r\n", b"\n") for sent in (post(), get())),
        *(b"\r\n" + sent for sent in (post(), get())),
        *(sent + sent for sent in (post(), get())),
        *(post() + get(), get() + post(), post() + b"garbage\r\n\r\n", get() + b"garbage\r\n\r\n"),
    ]
    return [*changed, *one_of_each]


def mixed(chance: random.Random) -> bytes:
    """Several oddities in one request."""
    lines = [AUTHORIZED, *chance.sample(ODD_LINES, chance.randrange(4))]
    chance.shuffle(lines)
    is_plain = chance.random() < 0.7
    method = chance.choice(METHODS[:2] if is_plain else METHODS)
    body = chance.choice(BODIES) if method != b"GET" or chance.random() < 0.1 else None
    return request(method, chance.choice(TARGETS[:4] if is_plain else TARGETS), *lines, body=body)


@dataclass(frozen=True, slots=True)
class BothWays:
    lane: int
    routes: int
    words: dict[bytes, bytes]

    async def tell(self, port: int, sent: bytes) -> list[bytes]:
        """All that comes back, the answers to the first and the second time apart where both come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        told = []
        try:
            async with asyncio.timeout(10):
                for _ in range(2):
                    writer.write(self.fill(sent))
                    told.append(await read_answer(reader, sent))
                writer.write(LAST)
                told.append(await reader.read())
        except (asyncio.IncompleteReadError, ConnectionError) as ended:
            told.append(getattr(ended, "partial", b""))
        finally:
            writer.close()
        return [plainly(piece) for piece in told]

    def fill(self, sent: bytes) -> bytes:
        for word, meant in self.words.items():
            sent = sent.replace(word, meant)
        return sent

    async def differ(self, requests: list[bytes]) -> list[tuple[bytes, list[bytes], list[bytes]]]:
        """The requests that are answered in two ways."""
        found = []
        for sent in requests:
            by_routes = await self.tell(self.routes, sent)
            if (by_lane := await self.tell(self.lane, sent)) != by_routes:
                found.append((sent, by_lane, by_routes))
        return found


async def read_answer(reader: asyncio.StreamReader, sent: bytes) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    is_bare = sent.lstrip().startswith(b"HEAD") or length is None
    return head + (b"" if is_bare or length is None else await reader.readexactly(int(length[1])))


def plainly(told: bytes) -> bytes:
    for changing, same in CHANGING:
        told = changing.sub(same, told)
    return told


def counted(way: str, route: str = "") -> float:
    samples = [s for family in make_registry("api").collect() for s in family.samples]
    mine = [s for s in samples if s.name == "mayday_requests_total" and s.labels["way"] == way]
    return sum(s.value for s in mine if route in ("", s.labels["route"]))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"header_seconds": 0.5, "body_seconds": 0.5, "recent_max_age_seconds": 60.0})


@pytest.fixture
async def both(service: Service) -> AsyncIterator[BothWays]:
    project = await service.project()
    await project.send(json.loads(ERROR))
    key = project.admin.headers["authorization"].split()[1].encode()
    async with AsyncExitStack() as stack:
        lane = await stack.enter_async_context(listening(service.app, service.state))
        routes = await stack.enter_async_context(listening(service.app, service.state | {"fast_lane": {}}))
        person = await sign_in(service, project)
        session = "; ".join(f"{name}={token}" for name, token in person.browser.cookies.items()).encode()
        ways = BothWays(lane, routes, {b"KEY": key, b"PROJECT": str(project.id).encode(), b"SESSION": session})
        for target in (RECENT, PATTERNS):
            await ways.tell(routes, request(b"GET", target, AUTHORIZED))
        yield ways


async def test_each_oddity_is_answered_the_same_byte_for_byte(both: BothWays) -> None:
    taken, pages = counted("lane"), counted("lane", "/p/{project_id}/")
    assert await both.differ(named()) == []
    assert counted("lane") - taken > 50  # of them, and twice
    assert counted("lane", "/p/{project_id}/") - pages > 20


async def test_oddities_together_are_answered_the_same_byte_for_byte(both: BothWays) -> None:
    chance = random.Random(SEED)
    assert await both.differ([mixed(chance) for _ in range(MIXED)]) == []


async def test_with_the_lane_off_the_routes_answer_all(service: Service, settings: Settings) -> None:
    key = (await service.project()).admin.headers["authorization"].split()[1].encode()
    async with listening(create_app(settings.model_copy(update={"fast_lane": "off"}))) as port:
        ways, before = BothWays(port, port, {b"KEY": key}), (counted("lane"), counted("routes"))
        for sent in (request(b"POST", LOG, AUTHORIZED, body=ERROR), request(b"GET", RECENT, AUTHORIZED)):
            first, second, _ = await ways.tell(port, sent)
            assert first[:12] == second[:12] in (b"HTTP/1.1 201", b"HTTP/1.1 200")
    assert (counted("lane"), counted("routes")) == (before[0], before[1] + 6)
