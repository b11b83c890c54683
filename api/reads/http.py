"""How answers of the read side go out: coding, ETag, 304, and who may keep them for how long. Knows no request."""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from api.http.middleware import RAW_SECURITY_HEADERS
from api.http.responses import as_lines
from api.reads.caching import Served, Source
from api.reads.forms import Form, Shaped, Table, shape
from api.reads.local_cache import LocalCache
from common.cache.sealing import make_etag
from common.compression import COMPRESS_FROM_BYTES, Encoding, compress

# What every read may answer besides its body, for OpenAPI.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "As the client has it already (If-None-Match)"}}
# When a client likes several codings equally well, the one that is smallest for its cost.
PREFERENCE: tuple[Encoding, ...] = ("zstd", "br", "gzip", "identity")
VARY = "Authorization, X-API-Key"
STALE_SECONDS = 10
QUALITY = re.compile(r"[0-9](?:\.[0-9]{0,9})?")
USUAL_CHARS = 128  # of an Accept-Encoding: what browsers send has 23 to 30, and a stranger's may have 32 KiB
# Of shaped answers with all their codings: agents ask the same again within seconds.
PACKED_MAX_BYTES = 16 * 2**20


def choose_encoding(accept_encoding: str | None) -> Encoding:
    """The coding that the client likes best (RFC 9110, 12.5.3); identity when it says nothing, or likes none."""
    if accept_encoding is None:
        return "identity"
    is_usual = len(accept_encoding) <= USUAL_CHARS
    return recall_encoding(accept_encoding) if is_usual else read_encoding(accept_encoding)


def read_encoding(accept_encoding: str) -> Encoding:
    qualities: dict[str, float] = {}
    for part in accept_encoding.split(","):
        coding, _, parameters = part.partition(";")
        qualities[coding.strip().lower()] = quality(parameters)
    anything = qualities.get("*", 0.0)
    liked = {coding: qualities.get(coding, anything) for coding in PREFERENCE[:-1]}
    best = max(liked.values())
    identity = qualities.get("identity", 0.0)
    if best <= 0 or identity > best:
        return "identity"
    return next(coding for coding in PREFERENCE if liked[coding] == best)


recall_encoding = lru_cache(maxsize=256)(read_encoding)


def quality(parameters: str) -> float:
    """The q of one element, 1 when there is none, 0 when it makes no sense: `nan` is a float, and larger than nothing."""
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    return min(float(value), 1.0) if QUALITY.fullmatch(value.strip()) else 0.0


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this answer already: weak comparison (RFC 9110, 8.8.3.2)."""
    if if_none_match is None or if_none_match == etag:
        return if_none_match is not None
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


def say_keeping(max_age_seconds: int) -> str:
    """Cache-Control. What is promised to be a second old is never shown older while the browser asks again."""
    stale = f", stale-while-revalidate={STALE_SECONDS}" if max_age_seconds > 1 else ""
    return f"private, max-age={max_age_seconds}{stale}"


def respond(
    served: Served,
    headers: Headers,
    *,
    max_age_seconds: int,
    media_type: str = "application/json",
) -> Response:
    """The answer, or 304 when the client has it. Only the client's own cache may keep it: it is one project's."""
    is_coded = served.encoding != "identity"
    sent = {
        "ETag": served.etag,
        "Cache-Control": say_keeping(max_age_seconds),
        "X-Mayday-Cache": served.source,
    }
    if matches(headers.get("if-none-match"), served.etag):
        return Response(status_code=304, headers=sent | {"Vary": f"{VARY}, Accept-Encoding"})
    if is_coded:
        sent |= {"Content-Encoding": served.encoding}
    # the middleware adds Accept-Encoding where it sees an answer that it could have compressed
    sent |= {"Vary": f"{VARY}, Accept-Encoding" if is_coded else VARY}
    return Response(served.body, headers=sent, media_type=media_type)


@lru_cache(maxsize=1_024)
def make_head(
    etag: str, encoding: Encoding, source: Source, body_bytes: int, max_age_seconds: int, is_known: bool
) -> bytes:
    """The header lines that the route and the middleware around it give such an answer, for the fast lane: made once, since
    they cost more than all the rest of it. `is_known`: the client has it, which is a 304."""
    served = Served(etag, encoding, bytes(body_bytes), source)
    response = respond(served, Headers({"if-none-match": etag} if is_known else {}), max_age_seconds=max_age_seconds)
    if encoding == "identity" and not is_known and body_bytes >= COMPRESS_FROM_BYTES:
        response.headers["Vary"] += ", Accept-Encoding"
    return as_lines([*response.raw_headers, *RAW_SECURITY_HEADERS])


async def respond_in_form(
    served: Served, table: Table, form: Form | None, headers: Headers, *, max_age_seconds: int
) -> Response:
    """The answer as it is cached, or in an agent's form."""
    if form is None:
        return respond(served, headers, max_age_seconds=max_age_seconds)
    # a large document takes tens of milliseconds to shape: others are answered meanwhile
    return await asyncio.to_thread(respond_shaped, served, table, form, headers, max_age_seconds=max_age_seconds)


def respond_shaped(
    served: Served,
    table: Table,
    form: Form,
    headers: Headers,
    *,
    max_age_seconds: int,
) -> Response:
    """The answer in an agent's form. Its ETag follows from that of the whole one: a 304 shapes nothing."""
    etag = f'{served.etag[:-1]}-{hashlib.blake2b(repr(form).encode(), digest_size=6).hexdigest()}"'
    sent = {
        "ETag": etag,
        "Cache-Control": say_keeping(max_age_seconds),
        "X-Mayday-Cache": served.source,
        "Vary": f"{VARY}, Accept-Encoding",
    }
    if matches(headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=sent)
    packed = pack(served.etag, served.body, table, form)
    encoding = choose_encoding(headers.get("accept-encoding"))
    coding = encoding if encoding in packed.bodies else "identity"
    sent |= {"Content-Encoding": coding} if coding != "identity" else {}
    sent |= {"X-Token-Estimate": str(packed.shaped.tokens)}
    sent |= {"X-Mayday-Left-Out": packed.shaped.left_out} if packed.shaped.left_out else {}
    return Response(packed.bodies[coding], headers=sent, media_type=packed.shaped.media_type)


@dataclass(frozen=True, slots=True)
class Packed:
    """A shaped answer in every coding."""

    shaped: Shaped
    bodies: dict[Encoding, bytes]

    @property
    def size_bytes(self) -> int:
        return PACKED_OVERHEAD_BYTES + sum(map(len, self.bodies.values()))


PACKED_OVERHEAD_BYTES = (
    2_048  # the key with the names of up to 500 characters of fields, and what the parts are kept in
)
packed_answers: LocalCache[tuple[str, Table, Form], Packed] = LocalCache(PACKED_MAX_BYTES, lambda one: one.size_bytes)


def pack(etag: str, body: bytes, table: Table, form: Form) -> Packed:
    """Shape and compress the answer with this tag once; agents ask the same again."""
    packed = packed_answers.get((etag, table, form))
    if packed is None:
        shaped = shape(body, table, form)
        packed = Packed(shaped, compress(shaped.body))
        packed_answers.keep((etag, table, form), packed)
    return packed


def serve_once(body: bytes) -> Served:
    """An answer that no cache holds."""
    return Served(make_etag(body), "identity", body, "bypass")
