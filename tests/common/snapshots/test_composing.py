"""The patterns answer: lists in one order, sums of all patterns whatever is listed, incidents of several patterns."""

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

from common.snapshots.composing import compute_snapshot, group_incidents, group_trends, key_counts
from common.snapshots.counting import Counted, Tally
from tests.conftest import Service

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ONE, TWO = UUID(int=101), UUID(int=102)


def counted(*patterns: tuple[int, str, UUID | None, str]) -> Counted:
    """Patterns 1, 2, ... of these: total, trend, incident, service."""
    numbered = {UUID(int=number): one for number, one in enumerate(patterns, 1)}
    described = {
        pattern: SimpleNamespace(trend=trend, incident_id=incident, first_seen=NOW, title="")
        for pattern, (_, trend, incident, _) in numbered.items()
    }
    tallies = {p: Tally(total, by_service=Counter({name: total})) for p, (total, _, _, name) in numbered.items()}
    return Counted(NOW, NOW, 0.0, tallies, described, {})


def test_counts_come_most_first_and_then_by_name() -> None:
    assert [one.key for one in key_counts(Counter({"b": 1, "a": 1, "": 3, "c": 2}))] == ["", "c", "a", "b"]


def test_a_trend_tells_all_its_patterns_and_lists_the_ten_with_most_errors() -> None:
    groups = group_trends(
        counted(*[(number, "steady", None, "shop") for number in range(1, 13)], (1, "new", None, "a"))
    )
    assert [(one.trend, one.patterns, one.count) for one in groups] == [("new", 1, 1), ("steady", 12, 78)]
    assert [one.count for one in groups[1].top] == list(range(12, 2, -1))


def test_an_incident_is_of_several_patterns_and_the_largest_comes_first() -> None:
    found = group_incidents(
        counted(
            (1, "new", ONE, "shop"),
            (2, "new", ONE, "cart"),
            (9, "new", TWO, "shop"),
            (3, "new", TWO, "shop"),
            (99, "new", UUID(int=103), "shop"),
            (5, "new", None, "shop"),
        )
    )
    assert [(one.id, one.count, one.services) for one in found] == [(TWO, 12, ["shop"]), (ONE, 3, ["cart", "shop"])]
    assert [pattern.count for pattern in found[0].patterns] == [9, 3]


async def test_what_is_not_listed_is_told_and_in_the_sums(service: Service) -> None:
    project = await service.project()
    kinds = [("disk full", 3), ("connection reset by peer", 2), ("password expired for everyone", 1)]
    await project.send(
        *[{"service": "shop", "severity": "error", "message": text} for text, count in kinds for _ in range(count)]
    )
    await service.run_worker()
    settings = service.settings.model_copy(update={"patterns_max_listed": 1})
    answer = await compute_snapshot(service.tools.engine, project.id, 24, settings)
    assert (answer.total, [one.count for one in answer.patterns], answer.patterns[0].share) == (6, [3], 0.5)
    assert (answer.other.patterns, answer.other.count) == (2, 3)
    assert [one.count for one in answer.top_10] == [3, 2, 1]


async def test_a_project_without_errors_has_an_answer_without_patterns(service: Service) -> None:
    project = await service.project()
    answer = await compute_snapshot(service.tools.engine, project.id, 6, service.settings)
    assert (answer.total, answer.patterns, answer.window, answer.lag_seconds) == (0, [], "6h", 0)
    assert len(answer.series) == 7
