"""The one route takes messages of who has a key, and of nobody else."""

import json
from typing import Any

from tests.api.agents.asking import CALL, post
from tests.conftest import Service


async def test_no_key_is_401_before_the_body_is_read(service: Service) -> None:
    stranger = await service.client(None)

    async def never() -> Any:
        yield b"{"
        raise AssertionError("the body was asked for")

    answer = await stranger.post("/mcp", content=never(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_other_methods_are_405_and_a_large_body_is_413(service: Service) -> None:
    project = await service.project()
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        answer = await project.read.request(method, "/mcp")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert (await post(project.read, b" " * 70_000)).status_code == 413
    assert (await post(project.read, b"{}", **{"Content-Encoding": "br"})).status_code in (415, 422)


async def test_pages_of_other_origins_are_refused_and_of_this_machine_are_not(service: Service) -> None:
    project = await service.project()
    body = json.dumps(CALL).encode()
    for origin in (
        "http://evil.example",
        "null",
        "https://localhost.evil.example",
        "http://mayday",
        "x",
        "http://[::1",
    ):
        assert (await post(project.read, body, Origin=origin)).status_code == 403
    for origin in ("http://localhost:6274", "http://127.0.0.1", "http://[::1]:8000"):
        answer = await post(project.read, body, Origin=origin)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
