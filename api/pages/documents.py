"""Asks the catalogue as a route does, and takes the answer apart: every number on a page is one of the API."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast
from uuid import UUID

import msgspec
from fastapi import Request

from api.access.keys import Caller
from api.pages.shown import Source
from api.reads.caching import Reads
from api.reads.catalogue import NO_ID, Asked, BuildContext, Read
from api.reads.http import serve_once
from api.reads.local_cache import LocalCache
from common.snapshots.fitting import decoder_of

READ_MAX_BYTES = 32 * 2**20  # of answers that were taken apart, as they were sent: objects take several times that


@dataclass(frozen=True, slots=True)
class Document:
    """An answer of the API as an object with its fields, and the ETag that it went out with; how it is asked for again, where a
    cache has it."""

    etag: str
    value: Any
    size_bytes: int
    source: Source | None = None


Shape = msgspec.json.Decoder[Any] | None  # None: as the catalogue describes the answer

taken_apart: LocalCache[tuple[str, str, Shape], Document] = LocalCache(READ_MAX_BYTES, lambda one: one.size_bytes)


async def ask(
    request: Request,
    caller: Caller,
    read: Read[Any],
    params: Mapping[str, Any],
    subject: UUID = NO_ID,
    shape: Shape = None,
) -> Document:
    """The answer of this read to this caller, as `shape` has it where a page needs less than all of a large one. Raises
    Problem, ValidationError for parameters that it does not take."""
    context = cast("BuildContext", request.state.build_context)
    asked = Asked(caller.project_id, read.params.model_validate(params), subject)
    build = partial(read.build, context, asked)
    if read.question is None:
        served = serve_once(await build())
        return take_apart(read, served.etag, served.body, shape)
    question = read.question(asked)
    served = await cast("Reads", request.state.reads).answer(question, "identity", build)
    return replace(take_apart(read, served.etag, served.body, shape), source=Source(question, build, served.etag))


def take_apart(read: Read[Any], etag: str, body: bytes, shape: Shape = None) -> Document:
    """The document with this tag; pages ask the same again."""
    key = read.operation, etag, shape
    document = taken_apart.get(key)
    if document is None:
        document = Document(etag, (shape or decoder_of(read.answer)).decode(body), len(body))
        taken_apart.keep(key, document)
    return document
