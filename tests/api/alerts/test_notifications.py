"""A message as it is read."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from api.alerts.notifications import describe
from common.alerts.outbox import NO_RULE

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def row(**more: Any) -> Any:
    told = {"name": "new", "facts": {"title": "boom"}}
    return SimpleNamespace(
        **{
            "notification_id": uuid4(), "rule_id": UUID(int=5), "channel_id": uuid4(), "state": "sent", "made_at": NOW,
            "due_at": NOW, "ended_at": None, "attempts": 1, "told": "200", "first": told, "change_count": 3, **more,
        }
    )  # fmt: skip


def test_it_is_named_by_its_first_change_and_one_of_no_rule_says_so() -> None:
    assert (describe(row()).title, describe(row()).rule) == ("boom", UUID(int=5))
    assert describe(row(rule_id=NO_RULE)).rule is None
    assert describe(row(first={"name": "late", "facts": {}})).title == "late"
