"""Whatever goes wrong on the way to a page is answered as one, and never with what went wrong inside."""

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from api.pages import now, system
from api.pages.failing import find_problem_form
from tests.api.pages.browsing import scan, sign_in
from tests.conftest import Service


async def fail(*_: Any, **__: Any) -> Any:
    raise OperationalError("SELECT secret", {}, ConnectionRefusedError("postgres://user:word@host"))


@pytest.mark.parametrize(("place", "path"), [(now, ""), (system, "system")])
async def test_a_database_that_is_away_is_said_on_a_page(
    service: Service, monkeypatch: pytest.MonkeyPatch, place: Any, path: str
) -> None:
    person = await sign_in(service, await service.project())
    monkeypatch.setattr(place, "ask" if place is now else "get_status", fail)
    answer = await person.open(path)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["retry-after"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"] in answer.text
    assert scan(answer.text).dangers == []
    assert not any(word in answer.text for word in ("secret", "postgres://", "SELECT", "Traceback"))


async def test_a_defect_is_a_page_without_its_text(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_down(*_: Any, **__: Any) -> Any:
        raise KeyError("inner name")

    person = await sign_in(service, await service.project())
    monkeypatch.setattr(now, "ask", break_down)
    answer = await person.open()
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "inner name" not in answer.text


async def test_a_page_that_is_none_and_a_method_that_it_has_not_are_pages(service: Service) -> None:
    person = await sign_in(service, await service.project())
    for method, path, status in (("GET", "nothing/here", 404), ("DELETE", "search", 405), ("PUT", "decide", 405)):
        answer = await person.browser.request(method, person.home + path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    missing = await person.browser.get("/api/nothing")
    assert missing.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/errors", "/v1/logs", "/pages", "/openapi.json", "/assets/x/y", "/p"])
def test_what_is_no_page_keeps_its_own_form(path: str) -> None:
    assert find_problem_form(path) is None
