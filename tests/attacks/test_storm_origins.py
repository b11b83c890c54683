"""A storm of like errors: what is stored slim must not take the origin from those that come after it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.fingerprint import FINGERPRINT_VERSION as VERSION
from common.settings import Settings
from tests.conftest import run_service

TRACE = """Traceback (most recent call last):
  File "/srv/shop/{place}.py", line 3, in {place}
    pay()
ValueError: no
"""


def storm(place: str, count: int, *, newest_first: bool) -> list[dict[str, Any]]:
    """Like errors from one place, each a little later (or earlier) than the one before."""
    step = timedelta(milliseconds=-1 if newest_first else 1)
    start = datetime.now(UTC) - timedelta(seconds=30)
    shared = {"service": "shop", "severity": "error", "message": "no", "error_type": "ValueError"}
    return [
        {**shared, "stack_trace": TRACE.format(place=place), "timestamp": (start + n * step).isoformat()}
        for n in range(count)
    ]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_a_storm_keeps_its_origins_apart(settings: Settings, newest_first: bool) -> None:
    async with run_service(settings.model_copy(update={"storm_errors_per_minute": 2})) as service:
        project = await service.project()
        for place in ("cart", "payment"):
            await project.send(*storm(place, 40, newest_first=newest_first))
        await service.run_worker()
        known = await service.execute("SELECT grouped_by, origin, version, count FROM fingerprints ORDER BY origin")
        assert [(row.grouped_by, row.version, row.count) for row in known] == [("stacktrace", VERSION, 40)] * 2
        assert len({row.origin for row in known}) == 2
        assert len((await project.get("/api/errors/patterns"))["patterns"]) == 2


async def test_where_no_whole_error_is_stored_it_is_grouped_with_nothing_until_one_comes(settings: Settings) -> None:
    limited = settings.model_copy(update={"storm_errors_per_minute": 2})
    texts = "SELECT version, origin, pattern_id FROM fingerprints"
    async with run_service(limited) as service:
        project = await service.project()
        for place in ("cart", "payment"):
            await project.send(*storm(place, 5, newest_first=False))
        await service.execute("UPDATE errors SET stack_trace = NULL, adjustments = adjustments | 16")
        await service.run_worker()
        slim = await service.execute(texts)
        assert ([row.version for row in slim], len({row.pattern_id for row in slim})) == ([0, 0], 2)
    async with run_service(limited) as service:  # another process, which had none of them
        project = await service.project()
        for place in ("cart", "payment"):
            await project.send(*storm(place, 5, newest_first=False))
        await service.run_worker()
        whole = await service.execute(texts)
        assert [row.version for row in whole] == [VERSION, VERSION]
        assert len({row.pattern_id for row in whole}) == 2
        assert {row.origin for row in slim}.isdisjoint(row.origin for row in whole)


async def test_what_was_not_stored_comes_whole_when_it_is_sent_again(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"storm_errors_per_minute": 10})) as service:
        project = await service.project()
        await service.execute("ALTER TABLE errors RENAME TO away")
        body = {"errors": storm("cart", 10, newest_first=False)}
        for _ in range(3):
            answer = await project.ingest.post("/api/errors/batch", json=body)
            assert answer.status_code == 503, answer.text
        await service.execute("ALTER TABLE away RENAME TO errors")
        answer = await project.ingest.post("/api/errors/batch", json=body)
        assert (answer.status_code, answer.json()["adjusted"]) == (201, [])
