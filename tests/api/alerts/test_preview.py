"""What a preview says: what would have been told, and what history cannot answer."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from api.alerts.preview import find_gaps, walk
from common.alerts.rules import Rate
from common.buckets import BUCKET
from common.transitions import Noted, note_transitions
from tests.common.alerts.making import NOON, named, rule
from tests.conftest import Service

RATE = Rate(errors=10, minutes=10)


def bucket(errors: int, number: int) -> Any:
    return SimpleNamespace(
        pattern_id=named("a"), bucket=NOON + number * BUCKET, service="shop", environment="", severity=3, errors=errors
    )


def test_a_rate_begins_and_ends_once_over_the_buckets_that_are_over_it() -> None:
    one = rule({"more_than": RATE.model_dump()})
    rows = [bucket(6, 0), bucket(6, 1), bucket(6, 2), bucket(1, 3), bucket(20, 9)]
    known = {named("a"): SimpleNamespace(title="boom", state="ongoing")}
    told = list(walk(one, RATE, rows, known, uuid4(), NOON, NOON + 20 * BUCKET))
    assert [(change.name, (change.happened_at - NOON) / BUCKET) for change in told] == [
        ("many", 2),
        ("over", 4),
        ("many", 10),
        ("over", 12),
    ]
    assert told[0].facts["observed"] == 12
    assert all(one.wants(change) for change in told if change.name == "many")


def test_gaps_are_said_in_sentences() -> None:
    now = NOON
    plain = rule("new")
    assert list(find_gaps(plain, now - timedelta(days=7), now - timedelta(days=7), now, is_cut=False)) == []
    [young] = find_gaps(plain, now - timedelta(days=7), now - timedelta(days=1), now, is_cut=False)
    assert "noted since 2026-03-09 12:00" in young
    rated = rule({"more_than": RATE.model_dump()}, **{"if": {"release": "2"}})
    since = now - timedelta(days=7)
    assert len(list(find_gaps(rated, since, since, now, is_cut=True))) == 3


async def test_what_was_told_before_the_days_looked_at_throttles_within_them(service: Service) -> None:
    project, pattern = await service.project(), uuid4()
    await service.execute("INSERT INTO alert_starts VALUES (:id, now() - interval '60 days')", id=project.id)
    for hours in (25, 23, 1):
        await note_at(service, project.id, pattern, hours)
    asked = {"when": ["spiking"], "days": 1, "throttle_minutes": 180, "name": "x"}
    told = (await project.read.post("/api/alerts/preview", json=asked)).json()
    assert (told["fired"], told["unanswered"]) == (1, [])
    asked["throttle_minutes"] = 0
    told = (await project.read.post("/api/alerts/preview", json=asked)).json()
    assert (told["fired"], told["per_day"]) == (2, 2.0)
    assert [one["title"] for one in told["messages"]] == ["Spiking: boom"] * 2


async def note_at(service: Service, project_id: UUID, pattern: UUID, hours_ago: int) -> None:
    async with service.tools.engine.begin() as connection:
        await note_transitions(connection, project_id, [Noted("pattern", pattern, "spiking", {"title": "boom"})])
    await service.execute(
        "UPDATE transitions SET happened_at = now() - make_interval(hours => :hours) WHERE happened_at > now() - interval '9 s'",
        hours=hours_ago,
    )
