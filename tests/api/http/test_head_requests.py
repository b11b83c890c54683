"""HEAD answers wherever GET does, with the same headers."""

import pytest

from tests.conftest import Service


@pytest.mark.parametrize("path", ["/api/errors/recent", "/api/errors/patterns", "/livez"])
async def test_head_has_the_headers_of_get_and_no_body(service: Service, path: str) -> None:
    project = await service.project()
    whole, head = await project.read.get(path), await project.read.head(path)
    assert (head.status_code, head.content) == (200, b"")
    changing = {"x-request-id", "ratelimit", "x-mayday-cache"}
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in whole.headers.items() if k not in changing
    }


async def test_allow_names_head_where_it_names_get(service: Service) -> None:
    project = await service.project()
    answer = await project.ingest.put("/api/errors/recent")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_allow_names_the_methods_of_every_route_of_a_path(service: Service) -> None:
    project = await service.project()
    for path, allowed in {
        "/api/errors/patterns/0192f0c0-0000-7000-8000-000000000001": "GET, HEAD, PATCH",
        "/api/budgets": "GET, HEAD, POST",
        "/api/errors/batch": "POST",
    }.items():
        answer = await project.admin.put(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed), path
