"""What tells an answer in the cache from rubbish: each body is kept behind a digest of itself, of its ETag and of the place
that it is for. Whatever else comes out of Redis there (cut, mixed up, of another project) is no answer. Pure."""

import hashlib
import re
from functools import cache

from pydantic import BaseModel
from pydantic_core import to_json

from common.compression import Encoding

DIGEST_BYTES, ETAG_BYTES = 16, 28
ETAG = re.compile(rb'W/"[0-9a-f]{24}"')
GENERATION = re.compile(rb"[0-9a-f]{32}")
GENERATION_CHARS = 32


def make_etag(body: bytes) -> str:
    """A weak ETag: codings of one body share it."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def seal(key: str, coding: Encoding, etag: str, body: bytes) -> bytes:
    """The body as it is kept at this key in this coding."""
    return digest(key, coding, etag.encode(), body) + body


def unseal(key: str, coding: Encoding, found: object) -> tuple[str, bytes] | None:
    """ETag and body of what was found (the ETag, and what `seal` made); None for anything else."""
    match found:
        case [bytes(etag), bytes(sealed)] if ETAG.fullmatch(etag):
            body = sealed[DIGEST_BYTES:]
            is_whole = digest(key, coding, etag, body) == sealed[:DIGEST_BYTES]
            return (etag.decode(), body) if is_whole else None
    return None


def digest(key: str, coding: Encoding, etag: bytes, body: bytes) -> bytes:
    hashed = hashlib.blake2b(b"%b\0%b\0%b\0" % (key.encode(), coding.encode(), etag), digest_size=DIGEST_BYTES)
    hashed.update(body)
    return hashed.digest()


def read_generation(found: object) -> str | None:
    """The generation, of which one character more than it has was asked for; None for anything else."""
    return found.decode() if isinstance(found, bytes) and GENERATION.fullmatch(found) else None


@cache
def form_of(model: type[BaseModel]) -> str:
    """Names what documents of this model have in them: two releases that differ in it do not take each other's."""
    schema = model.model_json_schema(mode="serialization")
    return hashlib.blake2b(to_json(schema), digest_size=6).hexdigest()
