"""What httplint finds in the answers of every route, as they come over the wire: success and failure."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
from httplint.message import HttpRequestLinter, HttpResponseLinter
from httplint.note import Note, levels

from common.keys import Scope
from tests.contract.conftest import BODY_SECONDS
from tests.contract.running import ERROR, USAGE, Running, get, operations_of

JSON = {"Content-Type": "application/json"}
STATUSES = {200, 201, 204, 207, 304, 401, 403, 404, 405, 408, 413, 415, 422, 429, 431, 503}
# Those of operators, which the project of this test is none of (tests/api/access).
OF_OPERATORS = {
    *("list_all_projects", "create_project", "change_project", "get_project_contents", "delete_project"),
}
CODINGS = ("identity", "gzip", "br", "zstd")
# Notes that are not mended, by note and operation, and why.
ACCEPTED = {
    ("CREATED_WITHOUT_LOCATION", "log_errors"): "a batch makes many things, and is none itself",
    ("CREATED_WITHOUT_LOCATION", "log_usage"): "a batch makes many things, and is none itself",
    ("CREATED_WITHOUT_LOCATION", "log_deliverable"): "it has no address: it shows in the cost report only",
}


async def test_httplint_finds_nothing_to_mend_in_any_answer(running: Running) -> None:
    found: set[tuple[str, str, str]] = set()
    answered: set[tuple[str, int]] = set()
    async for name, request, answer in chain(ask_everything(running), ask_too_much(running)):
        answered.add((name, answer.status_code))
        for note in lint(request, answer):
            found.add((type(note).__name__, name, f"{request.method} {answer.status_code}: {note}"))
        assert is_kept_as_promised(request, answer), (request, answer, answer.headers)
    async with running.client(None) as client:
        document = await get(client, "/openapi.json")
    assert sorted(one for one in found if one[:2] not in ACCEPTED) == []
    assert {one[:2] for one in found} == ACCEPTED.keys(), "what is no longer found need not be accepted"
    succeeded = {name for name, status in answered if status < 300}
    assert {operation["operationId"] for _, _, operation in operations_of(document)} <= succeeded | OF_OPERATORS
    assert {status for _, status in answered} >= STATUSES


def examples_of(document: dict[str, Any]) -> dict[str, Any]:
    """What each operation with a body is sent: the document's own example, which must work."""
    schemas = document["components"]["schemas"]
    bodies = {o["operationId"]: o["requestBody"] for _, _, o in operations_of(document) if "requestBody" in o}
    contents = {name: body["content"]["application/json"] for name, body in bodies.items()}
    return {
        name: content.get("example") or example_of(content["schema"], schemas) for name, content in contents.items()
    }


def example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The first example of a schema, or of the first that it may be."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    return example_of((schema.get("oneOf") or schema["anyOf"])[0], schemas)


async def ask_everything(running: Running) -> AsyncIterator[tuple[str, httpx.Request, httpx.Response]]:
    """Each operation as it is meant, and in each way that it can be asked wrongly; bodies are left in their coding."""
    async with running.client(Scope.admin) as admin:
        document = await get(admin, "/openapi.json")
        check = await admin.post(f"/api/budgets/{running.ids['budget_id']}/check", json={"estimate": 12})
        bodies = examples_of(document) | {"settle_reservation": {"reservation_id": check.json()["reservation_id"]}}
        requests = [
            (operation["operationId"], request)
            for method, path, operation in operations_of(document)
            for request in ways_to_ask(admin, method, path, operation, running, bodies)
        ]
        requests += [
            ("openapi", admin.build_request("GET", "/openapi.json")),
            ("nowhere", admin.build_request("GET", "/nowhere")),
        ]
        for name, request in requests:
            answer = await ask(admin, request)
            yield name, request, answer
            if "etag" in answer.headers and request.method == "GET" and answer.status_code == 200:
                request.headers["If-None-Match"] = answer.headers["ETag"]
                yield name, request, await ask(admin, request)


# Parameters that must be given.
REQUIRED = {"get_usage_run": {"run": str(USAGE["run"])}, "get_what_if": {"to_processing": "batch"}}


def ways_to_ask(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    operation: dict[str, Any],
    running: Running,
    bodies: dict[str, Any],
) -> Iterable[httpx.Request]:
    """Requests that should succeed, and one for each failure."""
    body = bodies.get(operation["operationId"])
    there, elsewhere = path.format_map(running.ids), path.format_map(dict.fromkeys(running.ids, str(uuid4())))
    if method == "GET":
        params = REQUIRED.get(operation["operationId"], {})
        for coding in CODINGS:
            yield client.build_request(method, there, params=params, headers={"Accept-Encoding": coding})
        yield client.build_request("HEAD", there)
        for form in ("columnar", "csv", "markdown"):
            yield client.build_request(method, there, params={"format": form})
        yield client.build_request(method, there, params={"nonsense": "1"})
    yield client.build_request("PUT", there)
    yield client.build_request(method, elsewhere, json=body)
    if operation.get("security"):
        yield httpx.Request(method, client.base_url.join(there), json=body, headers={"User-Agent": "test"})
        yield client.build_request(method, there, json=body, headers={"X-API-Key": "mistyped", "Authorization": ""})
        other = running.keys[Scope.read if method != "GET" else Scope.ingest]
        yield client.build_request(method, there, json=body, headers={"Authorization": f"Bearer {other}"})
    if body is not None:
        yield client.build_request(method, there, json={})
        yield client.build_request(method, there, content=b"x", headers={"Content-Type": "image/png"})
    if body is not None and "207" in operation["responses"]:
        [(name, items)] = body.items()
        yield client.build_request(method, there, json={name: [*items, {}]})
    if method != "GET":
        yield client.build_request(method, there, json=body)


async def ask_too_much(running: Running) -> AsyncIterator[tuple[str, httpx.Request, httpx.Response]]:
    """What is refused for its size, its pace or its number, until the project's quota is used up."""
    path = "/api/errors/batch"
    async with running.client(Scope.ingest) as ingest:

        async def send(content: Any, **headers: str) -> tuple[str, httpx.Request, httpx.Response]:
            request = ingest.build_request("POST", path, content=content, headers={**JSON, **headers})
            return "log_errors", request, await ask(ingest, request)

        yield await send(b" " * (5 * 2**20 + 1))
        yield await send(b"", Cookie="x" * 2**15)
        yield await send(trickle())
        many = json.dumps({"errors": [ERROR] * 600}).encode()
        for answered in await asyncio.gather(*[send(many) for _ in range(6)]):  # more than the buffer holds
            yield answered
        for _ in range(20):  # twice the quota and more: a new minute may begin meanwhile
            yield (answered := await send(many))
            if answered[2].status_code == 429:
                break


async def trickle() -> AsyncIterator[bytes]:
    """A body that does not come."""
    yield b"{"
    await asyncio.sleep(BODY_SECONDS + 0.1)


async def ask(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    answer = await client.send(request, stream=True)
    answer.extensions["wire"] = b"".join([chunk async for chunk in answer.aiter_raw()])
    return answer


def lint(request: httpx.Request, answer: httpx.Response) -> list[Note]:
    """The errors and warnings on this answer."""
    asked = HttpRequestLinter()
    asked.process_request_topline(request.method.encode(), str(request.url).encode(), b"1.1")
    asked.process_headers(request.headers.raw)
    with suppress(httpx.RequestNotRead):  # one that was sent as a stream
        asked.feed_content(request.content)
    asked.finish_content(True)
    linter = HttpResponseLinter()
    linter.request = asked
    linter.is_head_response = request.method == "HEAD"
    linter.process_response_topline(b"1.1", str(answer.status_code).encode(), answer.reason_phrase.encode())
    linter.process_headers(answer.headers.raw)
    linter.feed_content(answer.extensions["wire"])
    linter.finish_content(True)
    return [note for note in flatten(linter.notes) if note.level in (levels.BAD, levels.WARN)]


def is_kept_as_promised(request: httpx.Request, answer: httpx.Response) -> bool:
    """Only what a GET finds may be kept: by the client alone, under an ETag, for the key that asked. Probes and what
    is for admin keys never."""
    is_found = request.method in ("GET", "HEAD") and answer.status_code in (200, 304)
    if not is_found or request.url.path.startswith(("/livez", "/readyz", "/api/status", "/api/keys", "/api/projects")):
        return answer.headers["Cache-Control"] == "no-store"
    is_private = answer.headers["Cache-Control"].startswith("private, max-age=")
    varies = {name.strip() for name in answer.headers["Vary"].split(",")}
    return is_private and "ETag" in answer.headers and varies >= {"Authorization", "X-API-Key"}


async def chain(*parts: AsyncIterator[Any]) -> AsyncIterator[Any]:
    for part in parts:
        async for one in part:
            yield one


def flatten(notes: Iterable[Any]) -> Iterable[Any]:
    for note in notes:
        yield note
        yield from flatten(note.subnotes)
