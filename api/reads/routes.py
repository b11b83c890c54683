"""Makes a route of each entry of the catalogue: parameters in, bytes out."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from api.access.keys import ReadCaller
from api.access.routers import Router
from api.reads.caching import Reads
from api.reads.catalogue import NO_ID, Asked, BuildContext, Read, serve
from api.reads.forms import SHAPED
from api.reads.http import NOT_MODIFIED
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


def make_router(reads: Iterable[Read[Any]]) -> APIRouter:
    """The routes of these reads."""
    router = Router()
    for read in reads:
        router.add_api_route(
            read.path,
            make_endpoint(read),
            name=read.operation,
            tags=[*read.tags],
            summary=read.summary,
            description=read.description,
            response_model=read.answer,
            responses=FORMS,
        )
    return router


def make_endpoint(read: Read[Any]) -> Callable[..., Awaitable[Response]]:
    """What FastAPI calls, with the parameters of this read and the id in its path, if there is one."""

    async def answer(request: Request, caller: ReadCaller, query: Any, subject: UUID = NO_ID) -> Response:
        asked = Asked(caller.project_id, query, subject, request.query_params)
        reads, context = cast("Reads", request.state.reads), cast("BuildContext", request.state.build_context)
        return await serve(read, asked, context, reads, request.headers)

    async def answer_whole(request: Request, caller: ReadCaller, query: Any) -> Response:
        return await answer(request, caller, query)

    endpoint = answer if read.id_name else answer_whole
    endpoint.__annotations__["query"] = Annotated[read.params, Query()]
    if read.id_name:
        endpoint.__annotations__["subject"] = Annotated[UUID, Path(alias=read.id_name)]
        endpoint.__defaults__ = None
    return endpoint
