"""Addresses lead to pages of their project and nowhere else."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from api.pages.addresses import home_of, is_within, span_of


def test_a_span_begins_with_its_step_and_ends_with_the_next() -> None:
    start = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert span_of(start, timedelta(minutes=5)) == {
        "since": "2026-02-01T12:00:00+00:00",
        "until": "2026-02-01T12:05:00+00:00",
    }


HOME = home_of(UUID(int=7))


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        (HOME, True), (f"{HOME}search?text=a", True), ("/signin", False), (f"//evil.example{HOME}", False), ("", False),
        (f"https://evil.example{HOME}", False), (f"{HOME}\\evil", False),
        (f"{HOME}\r\nX: y", False), ("javascript:alert(1)", False), ("//[", False), (f"{HOME}\u4e2d", False), (f"{HOME}[", True),
    ],
)  # fmt: skip
def test_only_pages_of_the_project_are_within_it(path: str, is_ours: bool) -> None:
    assert is_within(path, HOME) is is_ours
