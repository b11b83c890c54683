"""Keys and projects stay within their quotas, every answer says what is left, and Redis is never waited for."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from api.access.quotas import WINDOW_SECONDS, Meter, Policy, Quotas
from common.cache import Cache
from common.database.clock import CLOCK
from common.settings import Settings
from tests.conftest import Project, Service, run_service

ERROR = {"service": "shop", "severity": "error", "message": "card declined"}
FEW = {
    "limit_key_requests": 5,
    "limit_project_requests": 8,
    "limit_project_errors": 30,
    "limit_project_bytes": 4_000,
}


@pytest.fixture
async def tight(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """The service with small quotas, in a window that does not end during the test."""
    monkeypatch.setattr("api.access.quotas.clock", lambda: 1_000_000.0)
    async with run_service(settings.model_copy(update=FEW)) as running:
        yield running


async def test_a_key_that_used_up_its_requests_gets_429_and_hears_when_to_come_again(tight: Service) -> None:
    project = await tight.project()
    answers = [await project.read.get("/api/errors/recent") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    refused = answers[-1]
    assert refused.headers["Content-Type"] == "application/problem+json"
    problem = refused.json()
    assert problem["type"] == "urn:mayday:problem:quota-exceeded"
    assert [place["pointer"] for place in problem["errors"]] == ["key"]
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= WINDOW_SECONDS
    assert f'"key";r=0;t={wait}' in refused.headers["RateLimit"]


async def test_every_answer_to_a_key_tells_its_policies_and_what_is_left(tight: Service) -> None:
    project = await tight.project()
    read = await project.read.get("/api/errors/recent")
    assert read.headers["RateLimit-Policy"] == '"key";q=5;w=60, "project";q=8;w=60'
    assert re.fullmatch(r'"key";r=4;t=\d+, "project";r=7;t=\d+', read.headers["RateLimit"])
    sent = await project.ingest.post("/api/errors/batch", json={"errors": [ERROR] * 3})
    assert '"errors";q=30;w=60;mayday-unit="errors"' in sent.headers["RateLimit-Policy"]
    assert '"bytes";q=4000;w=60;qu="content-bytes"' in sent.headers["RateLimit-Policy"]
    assert '"errors";r=27;' in sent.headers["RateLimit"]
    assert f'"bytes";r={4_000 - int(sent.request.headers["Content-Length"])};' in sent.headers["RateLimit"]
    missing = await project.read.get("/api/errors/0192f0c0-0000-7000-8000-000000000001")
    assert missing.status_code == 404
    assert "RateLimit" in missing.headers
    nobody = await tight.client(None)
    assert "RateLimit" not in (await nobody.get("/api/errors/recent")).headers


async def test_all_keys_of_a_project_share_its_quota_and_no_other_project_does(tight: Service) -> None:
    first, second = await tight.project("first"), await tight.project("second")
    used = [await client.get("/api/errors/recent") for client in (first.read, first.admin) for _ in range(5)]
    assert [answer.status_code for answer in used] == [200] * 8 + [429] * 2
    assert [place["pointer"] for place in used[-1].json()["errors"]] == ["project"]
    assert (await second.read.get("/api/errors/recent")).status_code == 200


@pytest.mark.parametrize(("message", "policy"), [("declined", "errors"), ("x" * 1_500, "bytes")])
async def test_ingest_counts_errors_and_bytes(tight: Service, message: str, policy: str) -> None:
    project = await tight.project()
    errors = [{**ERROR, "message": message} for _ in range(15 if policy == "errors" else 2)]
    statuses = [(await project.ingest.post("/api/errors/batch", json={"errors": errors})).status_code for _ in "123"]
    assert statuses == [201, 201, 429]
    refused = await project.ingest.post("/api/errors/log", json=ERROR)
    assert [place["pointer"] for place in refused.json()["errors"]] == [policy]
    assert (await project.read.get("/api/errors/recent")).status_code == 200, "reads are not limited by what was sent"


async def test_processes_add_up_what_they_let_in(tight: Service) -> None:
    project = await tight.project()
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(run_service(tight.settings))
        client = await other.client(project.read.headers["Authorization"].removeprefix("Bearer "))
        await use(project, 3)
        await tight.state["quotas"].share()
        assert (await client.get("/api/errors/recent")).status_code == 200
        await other.state["quotas"].share()
        assert '"key";r=0;' in (await client.get("/api/errors/recent")).headers["RateLimit"]
        assert (await client.get("/api/errors/recent")).status_code == 429


async def use(project: Project, times: int) -> None:
    for _ in range(times):
        assert (await project.read.get("/api/errors/recent")).status_code == 200


async def test_without_redis_each_process_counts_alone_and_tells_redis_later(tight: Service) -> None:
    project = await tight.project()
    quotas: Quotas = tight.state["quotas"]
    await use(project, 2)
    quotas.cache.left_alone_until = float("inf")
    await quotas.share()
    await use(project, 3)
    assert (await project.read.get("/api/errors/recent")).status_code == 429
    quotas.cache.left_alone_until = 0.0
    await quotas.share()
    meter = next(meter for (policy, _), meter in quotas.meters.items() if policy == "key")
    assert int(await quotas.cache.redis.get(meter.key)) == 5


def test_a_quota_is_whole_again_in_the_next_window() -> None:
    meter = Meter(Policy("key", 2), "place", offset=7)
    meter.roll(1_000_000.0)
    meter.add(2)
    assert meter.is_spent
    assert 1_000_000 < meter.ends_at <= 1_000_000 + WINDOW_SECONDS
    assert meter.ends_at % WINDOW_SECONDS == 7
    meter.roll(meter.ends_at)
    assert (meter.used, meter.unshared) == (0, 0)


@pytest.mark.parametrize("later", [WINDOW_SECONDS + 1, 40 * 86_400])
def test_a_quota_is_whole_again_when_the_clock_is_set_back(later: float) -> None:
    meter = Meter(Policy("key", 2), "place", offset=7)
    meter.roll(1_000_000.0 + later)
    meter.add(2)
    meter.roll(1_000_000.0)
    assert not meter.is_spent
    assert 1_000_000 < meter.ends_at <= 1_000_000 + WINDOW_SECONDS


async def test_windows_go_by_the_clock_of_the_database(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLOCK, "base_seconds", CLOCK.base_seconds + 40 * 86_400)  # the machine's is 40 days late
    quotas = Quotas(Cache.connect(settings), settings)
    quotas.admit(uuid4(), "a key", {}, ingest=False)
    assert all(0 < meter.ends_at - CLOCK.seconds() <= WINDOW_SECONDS for meter in quotas.meters.values())
    await quotas.cache.close()


async def test_who_is_not_seen_for_a_window_is_forgotten(tight: Service) -> None:
    project = await tight.project()
    await use(project, 1)
    quotas: Quotas = tight.state["quotas"]
    quotas.forget(1_000_000.0)
    assert len(quotas.allowances) == 1
    quotas.forget(1_000_000.0 + WINDOW_SECONDS)
    assert (quotas.allowances, quotas.meters) == ({}, {})


async def test_a_quota_of_nought_limits_nothing(settings: Settings) -> None:
    free = settings.model_copy(update=dict.fromkeys(FEW, 0))
    async with run_service(free) as running:
        project = await running.project()
        await use(project, 12)
        assert "RateLimit" not in (await project.read.get("/api/errors/recent")).headers


async def test_a_request_is_admitted_without_asking_redis(settings: Settings) -> None:
    cache = Cache.connect(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"}))
    quotas = Quotas(cache, settings)
    quotas.admit(uuid4(), "a key", {}, ingest=True)
    assert cache.left_alone_until == 0.0
    await quotas.share()
    assert cache.left_alone_until > 0.0
    assert [meter.unshared for meter in quotas.meters.values()] == [1, 1, 0, 0]
    await cache.close()
