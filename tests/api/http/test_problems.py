"""Every failure is a problem with a type, a detail and a request id, and none tells what it should not."""

import json

import asyncpg
import pytest

from tests.conftest import Service


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("PUT", "/api/errors/batch", 405, "method-not-allowed"),
        ("GET", "/api/errors/recent?limit=0", 422, "invalid"),
        ("GET", "/api/errors/recent?limit=1&colour=red", 422, "invalid"),
        ("GET", "/api/errors/not-an-id", 422, "invalid"),
        ("GET", "/api/errors/0192f0c0-0000-7000-8000-000000000001", 404, "not-found"),
        ("GET", "/api/errors?cursor=%00%ff", 422, "invalid"),
        ("GET", "/api/errors?since=2026-01-01", 422, "invalid"),
        ("GET", "/api/errors/patterns?window=2h", 422, "invalid"),
    ],
)
async def test_each_failure_is_a_problem(service: Service, method: str, path: str, status: int, slug: str) -> None:
    project = await service.project()
    answer = await project.admin.request(method, path, headers={"X-Request-ID": "asked-1"})
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["type"] == f"urn:mayday:problem:{slug}"
    assert body["status"] == status
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"] == "asked-1"


async def test_a_method_that_a_path_does_not_take_is_405_also_where_another_path_has_an_id_there(
    service: Service,
) -> None:
    project = await service.project()
    paths = (await project.get("/openapi.json"))["paths"]
    for path, item in paths.items():
        taken = {method.upper() for method in item} | ({"HEAD"} if "get" in item else set())
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - taken:
            answer = await project.admin.request(method, path)
            assert (answer.status_code, method, path) == (405, method, path)
            assert set(answer.headers["Allow"].split(", ")) == taken


async def test_a_wrong_value_is_named_but_not_echoed(service: Service) -> None:
    project = await service.project()
    answer = await project.read.get("/api/errors/recent?limit=hunter2")
    assert "hunter2" not in answer.text
    assert [place["pointer"] for place in answer.json()["errors"]] == ["limit"]


async def test_a_number_as_a_time_is_refused_in_plain_words(service: Service) -> None:
    project = await service.project()
    error = {"service": "s", "severity": "error", "message": "m", "timestamp": 1764000000}
    answer = await project.ingest.post("/api/errors/log", json=error)
    expected = "timestamp: write it as text with an offset, such as 2026-02-01T00:00:00Z"
    assert (answer.status_code, answer.json()["detail"]) == (422, expected)
    answer = await project.read.get("/api/errors", params={"since": "1764000000"})
    assert answer.json()["detail"] == "since: write it as text with an offset, such as 2026-02-01T00:00:00Z"


async def test_a_defect_is_answered_without_its_text(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_arguments: object) -> None:
        raise ValueError("SELECT secret FROM somewhere")

    project = await service.project()
    monkeypatch.setattr(service.state["reads"], "answer", fail)
    answer = await project.read.get("/api/errors/recent")
    assert answer.status_code == 500
    assert json.loads(answer.text)["type"] == "urn:mayday:problem:internal"
    assert "secret" not in answer.text


async def test_a_session_that_ends_under_a_read_is_503_with_a_time_to_come_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")

    monkeypatch.setattr("api.reads.queries.list_errors", fail)
    answer = await (await service.project()).read.get("/api/errors")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "state" not in answer.text


async def test_request_ids_that_could_be_misread_are_replaced(service: Service) -> None:
    nobody = await service.client(None)
    answer = await nobody.get("/livez", headers={b"X-Request-ID": b"a b\xe9"})
    assert answer.headers["X-Request-ID"].isalnum()


async def test_a_long_problem_is_compressed(service: Service) -> None:
    project = await service.project()
    answer = await project.ingest.post(
        "/api/errors/batch", json={"errors": [{}] * 60}, headers={"Accept-Encoding": "gzip"}
    )
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 50)
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
