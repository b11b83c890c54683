"""`mayday mcp`: MCP by standard input and output, for clients that start their servers: each message goes on to `/mcp`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

import httpx
import typer

from cli.client import ApiFailed, Url, explain, find_address, find_key, make_client
from common.keys import Scope
from common.settings import Settings

Key = Annotated[
    str | None, typer.Option("--key", help="Key. Default: MAYDAY_READ_KEY, MAYDAY_KEY, or the read key of keys.env.")
]
VERSION_META = "io.modelcontextprotocol/protocolVersion"
NOT_DONE = -32000  # JSON-RPC: the server's own


def mcp(url: Url = None, key: Key = None) -> None:
    """Speak MCP on standard input and output, for agents that start a command: what they ask goes to `/mcp` of Mayday, with this
    key. Exits 2 without a key."""
    settings = Settings.load()
    found = find_key(f"MAYDAY_{Scope.read.name.upper()}_KEY", key, settings)
    base = (url or find_address(settings)).rstrip("/")
    try:
        checked = make_client(base, found)
    except ApiFailed as error:
        typer.echo(f"mayday: {error}", err=True)
        raise typer.Exit(1) from error
    with checked:
        asyncio.run(Bridge(base, {"Authorization": f"Bearer {found}"}, is_proxied=checked.trust_env).run())


class Bridge:
    """One client on this process's standard streams."""

    def __init__(self, base: str, headers: dict[str, str], *, is_proxied: bool) -> None:
        self.url = f"{base}/mcp"
        self.http = httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(60, read=300), trust_env=is_proxied)
        self.version: str | None = None  # that the handshake agreed on
        self.under_way: dict[Any, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until the client closes its end."""
        async with self.http:
            while line := await asyncio.to_thread(sys.stdin.buffer.readline):
                self.take(line)
            await asyncio.gather(*self.under_way.values(), return_exceptions=True)

    def take(self, line: bytes) -> None:
        """Have a message sent on; one that cancels another hangs up on it, which ends the work there."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            write(
                {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Send one JSON-RPC message a line"}}
            )
            return
        sent = message.get("params")
        params: dict[str, Any] = sent if isinstance(sent, dict) else {}
        if message.get("method") == "notifications/cancelled":
            task = self.under_way.get(name_of(params.get("requestId")))
            if task is not None:
                task.cancel()
        elif "id" in message and "method" in message:
            name = name_of(message["id"])
            task = asyncio.create_task(self.answer(message, params))
            self.under_way[name] = task
            task.add_done_callback(lambda done: self.forget(name, done))

    def forget(self, name: str, done: "asyncio.Task[None]") -> None:
        if self.under_way.get(name) is done:
            del self.under_way[name]

    async def answer(self, message: dict[str, Any], params: dict[str, Any]) -> None:
        """Write what Mayday answers, or why it does not."""
        try:
            async for answer in self.ask(message, params):
                self.note_version(message, answer)
                write(answer)
        except (httpx.HTTPError, ValueError) as error:
            said = f"Mayday does not answer at {self.url} ({type(error).__name__}): is it running there?"
            write({"jsonrpc": "2.0", "id": message["id"], "error": {"code": NOT_DONE, "message": said}})

    def note_version(self, message: dict[str, Any], answer: dict[str, Any]) -> None:
        if message["method"] == "initialize" and isinstance(answer.get("result"), dict):
            self.version = answer["result"].get("protocolVersion")

    async def ask(self, message: dict[str, Any], params: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The messages that answer one. Raises HTTPError, ValueError."""
        async with self.http.stream("POST", self.url, json=message, headers=self.headers_of(message, params)) as answer:
            kind = answer.headers.get("Content-Type", "")
            if kind.startswith("text/event-stream"):
                async for line in answer.aiter_lines():
                    if line.startswith("data:") and line[5:].strip():
                        yield json.loads(line[5:])
                return
            await answer.aread()
            if kind.startswith("application/json"):
                yield answer.json()
            else:
                yield {"jsonrpc": "2.0", "id": message["id"], "error": {"code": NOT_DONE, "message": explain(answer)}}

    def headers_of(self, message: dict[str, Any], params: dict[str, Any]) -> dict[str, str]:
        """What the protocol wants said beside the message: its version, and without a handshake what it is about."""
        headers = {"Accept": "application/json, text/event-stream"}
        meta = params.get("_meta")
        version = meta.get(VERSION_META) if isinstance(meta, dict) else None
        if isinstance(version, str):
            headers |= {"MCP-Protocol-Version": version, "Mcp-Method": str(message["method"])}
            about = params.get("name", params.get("uri"))
            headers |= {"Mcp-Name": about} if isinstance(about, str) else {}
        elif self.version is not None and message["method"] != "initialize":
            headers["MCP-Protocol-Version"] = self.version
        return {name: value for name, value in headers.items() if value.isascii() and value.isprintable()}


def name_of(request_id: Any) -> str:
    """1 and "1" are two."""
    return json.dumps(request_id)


def write(message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
        sys.stdout.flush()
