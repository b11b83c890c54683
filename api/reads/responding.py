"""An answer goes out in the form that was asked for: what all reads share between their document and HTTP."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel

from api.reads.caching import Served
from api.reads.forms import SHAPED, Format, Table
from api.reads.http import NOT_MODIFIED, respond, respond_shaped, serve_once
from api.reads.parameters import FormQuery
from api.reads.schemas import ShapedAnswer

# What every read may answer beside its document, for OpenAPI.
FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            SHAPED: {"schema": {"$ref": f"#/components/schemas/{ShapedAnswer.__name__}"}},
            "text/csv": {"schema": {"type": "string"}},
            "text/markdown": {"schema": {"type": "string"}},
        }
    },
    **NOT_MODIFIED,
}


async def respond_in_form(
    request: Request,
    served: Served,
    query: FormQuery,
    table: Table,
    *,
    max_age_seconds: int,
) -> Response:
    form = query.form()
    if form is None:
        return respond(served, request.headers, max_age_seconds=max_age_seconds)
    # a large document takes tens of milliseconds to shape: others are answered meanwhile
    return await asyncio.to_thread(
        respond_shaped,
        served,
        table,
        form,
        request.headers,
        max_age_seconds=max_age_seconds,
    )


async def respond_now(
    request: Request, body: BaseModel, query: FormQuery, table: Table, *, max_age_seconds: int
) -> Response:
    """What Postgres says now, with an ETag; the client's own cache asks again when it is older than `max_age_seconds`."""
    served = serve_once(body.model_dump_json().encode())
    answer = await respond_in_form(request, served, query, table, max_age_seconds=max_age_seconds)
    return link_next(request, answer, query, getattr(body, "next", None))


def link_next(request: Request, answer: Response, query: FormQuery, cursor: object) -> Response:
    """The answer; as CSV, which has no place for it, with the next page in a header."""
    if query.format is Format.csv and cursor is not None:
        asked = {**request.query_params, "cursor": str(cursor)}
        answer.headers["Link"] = f'<{request.url.path}?{urlencode(asked)}>; rel="next"'
    return answer
