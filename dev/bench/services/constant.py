"""The ceilings of reading: a bare Starlette route for each file of a folder, and uvicorn's smallest answer.

`GET /body/NAME` returns the bytes of the file NAME, which stay in memory; the part after the dot is their coding.
"""

import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

SMALLEST: list[Message] = [{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]},
            {"type": "http.response.body", "body": b"ok"}]  # fmt: skip


def make_route(file: Path) -> Route:
    body, coding = file.read_bytes(), file.suffix[1:]
    headers = {"Content-Type": "application/json"} | ({"Content-Encoding": coding} if coding != "identity" else {})

    async def constant(_request: Request) -> Response:
        return Response(body, headers=headers)

    return Route(f"/body/{file.name}", constant)


starlette = Starlette(routes=[make_route(file) for file in Path(sys.argv[1]).iterdir()])


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" and scope["path"] == "/smallest":
        for message in SMALLEST:
            await send(message)
    else:
        await starlette(scope, receive, send)


if __name__ == "__main__":
    port = int(os.environ["MAYDAY_PORT"])
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False)
