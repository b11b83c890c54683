"""How a message of MCP comes in and is answered: one POST, one answer, nothing kept between two.

Plain requests of the versions with a handshake are given to the SDK's kernel at once and answered as JSON: its own way to it
makes a transport, a session and three tasks for each. What wants a stream (progress) and what speaks the version without a
handshake goes through the SDK's session manager. `tests/api/agents/test_transport.py` holds both to the same bytes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import structlog
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_one
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import ValidationError
from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.agents.answered import Answered, AnsweredCalls, CallName, read_call, write_answer

log = structlog.get_logger()

VERSION_FIELD = "mcp-protocol-version"
DEFAULT_VERSION = "2025-03-26"  # of who names none (2025-06-18, transports)
ID_MAX_CHARACTERS, ID_MAX = 200, 2**63
WATCHED_AFTER_SECONDS = 0.05  # a call that takes longer ends when its client goes away
NOT_KEPT = {"Cache-Control": "no-store"}
BODY_MAX_BYTES = 64 * 2**10


class RefusedMessage(Exception):
    """No message that can be answered as one: `code` is JSON-RPC's."""

    def __init__(self, code: int, says: str) -> None:
        super().__init__(says)
        self.code = code


@dataclass
class OneExchange:
    """The context in which the SDK's kernel answers one request: nothing can be sent beside the answer."""

    transport: TransportContext
    request_id: int | str
    message_metadata: ServerMessageMetadata
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)
    can_send_request: bool = False

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,  # noqa: ARG002 - the SDK's signature
        opts: CallOptions | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Raises NoBackChannelError."""
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        """Nobody listens."""

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Nobody asked."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """The server of this process, and the SDK's manager for what it alone answers."""

    server: "Server[Any]"
    manager: StreamableHTTPSessionManager
    answered: AnsweredCalls

    @classmethod
    def of(cls, server: "Server[Any]", answered: AnsweredCalls) -> "Protocol":
        manager = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=BODY_MAX_BYTES)
        return cls(server, manager, answered)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the manager runs, in a task of its own: what it opens has to be closed by the task that opened it."""
        opened, closing = asyncio.Event(), asyncio.Event()

        async def run() -> None:
            async with self.manager.run():
                opened.set()
                await closing.wait()

        task = asyncio.create_task(run(), name="agents")
        await opened.wait()
        try:
            yield
        finally:
            closing.set()
            await task

    async def answer(self, request: Request) -> Response:
        """The answer to a request whose caller was admitted. Raises Problem where its body is not taken."""
        body = request.scope["message"] = await request.body()
        version = request.headers.get(VERSION_FIELD)
        try:
            message = read_message(body)
        except RefusedMessage as refused:
            return as_error(None, refused.code, str(refused), status=400)
        if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            return OfManager(self.manager, body)
        if "id" not in message or "method" not in message:
            return Response(status_code=202)  # of notifications and answers of a client nothing follows
        if wants_progress(message):
            return OfManager(self.manager, body)
        return await until_gone(request, self.answer_plain(request, message, version or DEFAULT_VERSION))

    async def answer_plain(self, request: Request, message: dict[str, Any], version: str) -> Response:
        """A request of a version with a handshake, answered as JSON."""
        request_id, context = message["id"], TransportContext(kind="streamable-http", can_send_request=False)
        exchange = OneExchange(context, request_id, ServerMessageMetadata(request_context=request))
        connection = Connection.from_envelope(version, None, None)
        try:
            result = await serve_one(
                self.server,
                exchange,
                message["method"],
                message.get("params"),
                connection=connection,
                lifespan_state={},
            )
        except MCPError as error:
            return as_error(request_id, error.error.code, error.error.message, data=error.error.data)
        except ValidationError:
            return as_error(request_id, INVALID_PARAMS, "Invalid request parameters", data="")
        except Exception:
            log.exception("tool_failed", method=message["method"][:40])
            return as_error(request_id, INTERNAL_ERROR, "Internal error")
        written = to_json(result)
        self.remember(request, version, written)
        return Response(write_answer(request_id, written), 200, NOT_KEPT, "application/json")

    def remember(self, request: Request, version: str, result: bytes) -> None:
        """Keep what a tool answered, where all that it was made of can be looked at again."""
        sources, caller = request.scope.pop("made_of", None), request.scope["caller"]
        if sources and (call := read_call(request.scope["message"])) is not None:
            name = CallName(caller.project_id, caller.scope, version, bytes(call.params))
            self.answered.keep(name, Answered(result, sources))


class OfManager(Response):
    """What the SDK's manager answers to a body that was read already."""

    def __init__(self, manager: StreamableHTTPSessionManager, body: bytes) -> None:
        super().__init__()
        self.manager = manager
        self.sent = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        is_given = False

        async def receive_again() -> Message:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": self.sent, "more_body": False}

        await self.manager.handle_request(scope, receive_again, send)


def read_message(body: bytes) -> dict[str, Any]:
    """The message of a body: a request has `id` and `method`, a notification no `id`. Raises RefusedMessage."""
    try:
        message = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RefusedMessage(PARSE_ERROR, "Parse error: send one JSON-RPC message as JSON") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise RefusedMessage(INVALID_REQUEST, "Send one JSON-RPC 2.0 message, no batch")
    if "method" not in message and not ("id" in message and ("result" in message or "error" in message)):
        raise RefusedMessage(INVALID_REQUEST, "A message has a method")
    if not is_method(message.get("method", "x")) or not isinstance(message.get("params", {}), dict | None):
        raise RefusedMessage(INVALID_REQUEST, "method is a text, params an object")
    if "id" in message and "method" in message and not is_id(message["id"]):
        raise RefusedMessage(
            INVALID_REQUEST, f"id is a text of at most {ID_MAX_CHARACTERS} characters or an integer of 64 bits"
        )
    return message


def is_method(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= ID_MAX_CHARACTERS


def is_id(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= ID_MAX_CHARACTERS
    return isinstance(value, int) and not isinstance(value, bool) and -ID_MAX <= value < ID_MAX


def wants_progress(message: dict[str, Any]) -> bool:
    meta = (message.get("params") or {}).get("_meta")
    return isinstance(meta, dict) and meta.get("progressToken") is not None


async def until_gone(request: Request, answering: Any) -> Response:
    """The answer; where the client goes away before it is there, the work on it ends."""
    work: asyncio.Task[Response] = asyncio.ensure_future(answering)
    try:
        await asyncio.wait({work}, timeout=WATCHED_AFTER_SECONDS)
        if not work.done():
            gone = asyncio.ensure_future(watch(request))
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
        if work.done():
            return work.result()
        return Response(status_code=499)  # nobody reads it
    finally:
        if not work.done():
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


async def watch(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def as_json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(to_json(document), status, NOT_KEPT, "application/json")


def as_error(request_id: int | str | None, code: int, says: str, *, data: Any = None, status: int = 200) -> Response:
    error = {"code": code, "message": says} | ({} if data is None else {"data": data})
    return as_json({"jsonrpc": "2.0", "id": request_id, "error": error}, status)
