"""Pages of other origins: closed, but for ingest from those that the operator named."""

from collections.abc import AsyncIterator

import pytest

from common.settings import Settings
from tests.conftest import Service, run_service

SHOP = "https://shop.example"
ERROR = {"service": "shop", "severity": "error", "message": "m"}
INGEST = ["/api/errors/batch", "/api/errors/log"]


def preflight(origin: str = SHOP, method: str = "POST", headers: str = "authorization,content-type") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


@pytest.fixture
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    async with run_service(settings.model_copy(update={"ingest_origins": f"https://a.example, {SHOP}"})) as running:
        yield running


async def test_by_default_no_answer_opens_anything(service: Service) -> None:
    project = await service.project()
    for path in INGEST:
        answer = await project.ingest.options(path, headers=preflight())
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers
    answer = await project.ingest.post("/api/errors/log", json=ERROR, headers={"Origin": SHOP})
    assert answer.status_code == 201
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", INGEST)
async def test_a_named_origin_may_send_errors(open_service: Service, path: str) -> None:
    project = await open_service.project()
    asked = await project.ingest.options(path, headers=preflight())
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == SHOP
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    assert asked.headers["x-content-type-options"] == "nosniff"
    body = ERROR if path.endswith("log") else {"errors": [ERROR]}
    sent = await project.ingest.post(path, json=body, headers={"Origin": SHOP})
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (201, SHOP)
    assert "origin" in sent.headers["vary"].lower()
    assert "access-control-allow-credentials" not in sent.headers


@pytest.mark.parametrize(
    "asked", [preflight(origin="https://evil.example"), preflight(method="DELETE"), preflight(headers="x-evil")]
)
async def test_what_was_not_named_is_refused_as_a_problem(open_service: Service, asked: dict[str, str]) -> None:
    answer = await (await open_service.client(None)).options("/api/errors/batch", headers=asked)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:mayday:problem:forbidden")


async def test_reading_stays_closed_to_named_origins_too(open_service: Service) -> None:
    project = await open_service.project()
    for path in ("/api/errors/recent", "/api/errors/patterns"):
        assert (await project.read.options(path, headers=preflight(method="GET"))).status_code == 405
        answer = await project.read.get(path, headers={"Origin": SHOP})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "origins", ["shop.example", "https://shop.example/path", "https://a.example;https://b", "null"]
)
def test_what_is_no_origin_is_refused_at_start(origins: str) -> None:
    with pytest.raises(ValueError, match="ingest_origins"):
        Settings(ingest_origins=origins)


SENTRY = ["/api/7/envelope/", "/api/7/store/"]


@pytest.mark.parametrize("path", SENTRY)
async def test_any_page_may_send_by_sentrys_protocol_and_sees_its_limits(service: Service, path: str) -> None:
    client = await service.client(None)
    asked = await client.options(path, headers=preflight(headers="x-sentry-auth,sentry-trace,baggage"))
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, "*")
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "x-sentry-auth" in asked.headers["access-control-allow-headers"]
    sent = await client.post(path, content=b"{}", headers={"Origin": SHOP, "Content-Type": "text/plain"})
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (401, "*")
    shown = sent.headers["access-control-expose-headers"]
    assert {"X-Sentry-Rate-Limits", "Retry-After", "X-Sentry-Error"} <= set(shown.split(", "))
    assert "access-control-allow-credentials" not in sent.headers


@pytest.mark.parametrize(
    "path", ["/api/7/envelope", "/api/7/envelope/x", "/api/a/b/store/", "/api/errors/recent", "/api/7/other/"]
)
async def test_no_other_path_is_opened_by_that(service: Service, path: str) -> None:
    answer = await (await service.client(None)).options(path, headers=preflight())
    assert answer.status_code in {404, 405}
    assert "access-control-allow-origin" not in answer.headers
