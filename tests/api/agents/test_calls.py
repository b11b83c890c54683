"""A pattern is found by what lists show of it; ages are told in one unit."""

from datetime import UTC, datetime, timedelta

import pytest

from api.agents.calls import age
from tests.api.agents.asking import failing_shop, refusal, use
from tests.conftest import Service


@pytest.mark.parametrize(("seconds", "told"), [(-5, "0s"), (59, "59s"), (60, "1m"), (7_200, "2h"), (200_000, "2d")])
def test_an_age_is_in_its_largest_unit(seconds: int, told: str) -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    assert age(now - timedelta(seconds=seconds), now) == told


async def test_a_pattern_is_found_by_its_id_and_by_its_end(service: Service) -> None:
    project = await failing_shop(service)
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    for said in (pattern, pattern.upper(), pattern[-8:], pattern[-12:], f" {pattern[-8:]} "):
        found = await use(project.read, "explain_pattern", pattern=said)
        assert found["structuredContent"]["facts"]["id"] == pattern
    for said in ("zzzzzzzz", "f" * 8, pattern[:8] + "-", "1" * 36):
        assert await refusal(project.read, "explain_pattern", pattern=said)
