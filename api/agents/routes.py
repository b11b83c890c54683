"""The one route of agents. Its key is checked before anything of the body is read; each tool then asks for its own scope."""

from typing import Annotated, cast

from fastapi import Depends, Request, Response

from api.access.keys import AuthorizeAny, Caller
from api.access.routers import Router
from api.agents.transport import Protocol
from common.keys import Scope

PATH = "/mcp"
AnyCaller = Annotated[Caller, Depends(AuthorizeAny(Scope.read))]

router = Router(include_in_schema=False)


@router.post(PATH)
async def answer_agent(request: Request, _caller: AnyCaller) -> Response:
    """Answer one message of MCP's streamable HTTP, without a session."""
    return await cast("Protocol", request.state.agents).answer(request)
