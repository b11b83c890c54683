"""What people decided is laid over an answer that knows nothing of it yet, and changes nothing else of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from common.snapshots.decided import lay_over, list_decided
from common.snapshots.schema import OtherPatterns, PatternsAnswer, PatternSummary
from tests.conftest import Project, Service
from tests.flow.test_triage import change, error, patterns

THEN = datetime(2026, 11, 29, 12, tzinfo=UTC)
STATES = st.sampled_from(["new", "ongoing", "resolved", "ignored"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


def answer(titles: list[str], states: list[str]) -> PatternsAnswer:
    """One with a pattern of each title and state."""
    listed = [
        PatternSummary(
            id=UUID(int=number), title=title, template=title, error_type=None, count=3, share=0.3333, state=state,
            trend="new", trend_facts=None, grouped_by="message", by_severity=[], services=[], environments=[],
            first_seen=THEN, last_seen=THEN,
        )
        for number, (title, state) in enumerate(zip(titles, states, strict=True))
    ]  # fmt: skip
    return PatternsAnswer(
        window="1h", window_start=THEN, window_end=THEN, computed_at=THEN, lag_seconds=0.125, total=9, by_severity=[],
        by_service=[], by_environment=[], series=[], trends=[], incidents=[], top_10=[], patterns=listed,
        other=OtherPatterns(patterns=0, count=0),
    )  # fmt: skip


@given(st.lists(st.tuples(TEXTS, STATES, st.none() | STATES), max_size=5))
def test_the_answer_is_the_one_that_would_have_been_made_with_these_states(
    listed: list[tuple[str, str, str | None]],
) -> None:
    titles = [title for title, _, _ in listed]
    before = answer(titles, [state for _, state, _ in listed])
    after = answer(titles, [decided or state for _, state, decided in listed])
    decided = {str(UUID(int=number)): state for number, (_, _, state) in enumerate(listed) if state}
    assert lay_over(before.model_dump_json().encode(), decided) == after.model_dump_json().encode()


def test_a_decision_about_a_pattern_that_is_not_listed_leaves_the_very_bytes() -> None:
    body = b' {"patterns": [{"id": "a", "state": "new"}]}'
    assert lay_over(body, {}) is body
    assert lay_over(body, {"b": "resolved"}) is body
    assert from_json(lay_over(body, {"a": "resolved"})) == {"patterns": [{"id": "a", "state": "resolved"}]}


@pytest.mark.parametrize(
    ("computed", "is_listed"),
    [
        ("before the decision", True),
        ("while it was made", True),
        ("long after it", False),
        ("by a clock that was set back since", True),
    ],
)
async def test_what_was_decided_since_an_answer_was_computed_is_listed(
    service: Service, computed: str, is_listed: bool
) -> None:
    project = await service.project()
    pattern_id = await resolve_one(service, project)
    [(decided_at,)] = await service.execute("SELECT decided_at FROM decisions")
    computed_at = {
        "before the decision": decided_at - timedelta(days=3),
        "while it was made": decided_at + timedelta(seconds=20),
        "long after it": decided_at + timedelta(hours=2),
        "by a clock that was set back since": decided_at + timedelta(minutes=50),
    }[computed]
    if computed == "long after it":
        await service.execute("UPDATE decisions SET decided_at = decided_at - interval '4 hours'")
        computed_at -= timedelta(hours=4)
    assert await states(service, project, computed_at) == ({pattern_id: "resolved"} if is_listed else {})
    other = await service.project("other")
    assert await states(service, other, computed_at) == {}


async def resolve_one(service: Service, project: Project) -> str:
    await project.send(error())
    await service.run_worker()
    [pattern] = await patterns(project)
    await change(project, pattern["id"], state="resolved")
    return str(pattern["id"])


async def states(service: Service, project: Project, computed_at: datetime) -> dict[str, Any]:
    async with service.tools.engine.connect() as connection:
        return await list_decided(connection, project.id, computed_at)
