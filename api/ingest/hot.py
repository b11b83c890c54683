"""The two requests that services send all day, taken before the routing where this process knows their key.

The routes stay the ones in OpenAPI and take everything else. The layers of the framework cost a single error more than
all that is done to it. It stands inside BodyLimits and compression, so that limits and codings are the same both ways.
"""

from pydantic_core import to_json
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import Caller, admit_before_routing, recall_caller
from api.ingest.routes import place_of, take_batch, take_one
from api.problems import Problem, respond
from common.keys import Scope as KeyScope

BATCH, ONE = "/api/errors/batch", "/api/errors/log"


class HotWrites:
    """ASGI middleware: takes errors of callers whose key is known here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = find_caller(scope) if scope["type"] == "http" else None
        if caller is None:
            await self.app(scope, receive, send)
            return
        try:
            admit_before_routing(scope, caller, KeyScope.ingest)
            status, answer, headers = await take(Request(scope, receive), caller)
        except Problem as problem:
            await respond(problem, scope["path"], scope["request_id"])(scope, receive, send)
            return
        # as Starlette's Response sends it, at a quarter of the price
        headers = [(b"content-length", b"%d" % len(answer)), (b"content-type", b"application/json"), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def find_caller(scope: Scope) -> Caller | None:
    """Who sends errors; None where the routing has to look."""
    if scope["method"] != "POST" or scope["path"] not in (BATCH, ONE):
        return None
    sent = [(name, value) for name, value in scope["headers"] if name in (b"authorization", b"x-api-key")]
    if len(sent) != 1 or sent[0][0] != b"authorization":
        return None
    return recall_caller(scope["state"]["key_ring"], sent[0][1], KeyScope.ingest)


async def take(request: Request, caller: Caller) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and headers of the answer, as the route would give it."""
    body = await request.body()
    if request.scope["path"] == ONE:
        one = await take_one(request, caller, body)
        return 201, to_json(one), [(b"location", place_of(one).encode())]
    batch = await take_batch(request, caller, body)
    return 207 if batch.rejected else 201, to_json(batch), []
