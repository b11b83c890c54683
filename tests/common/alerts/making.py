"""Changes and rules for tests of what is pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from common.alerts.changes import Change
from common.alerts.rules import Rule

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SPACE = UUID(int=7)
NUMBERS = count(1)


def named(name: str) -> UUID:
    return uuid5(SPACE, name)


def change(
    name: str = "new",
    of: str = "a",
    minutes: float = 0,
    subject: str = "pattern",
    facts: Mapping[str, Any] | None = None,
    **more: Any,
) -> Change:
    """A change of the subject `of`, so many minutes after NOON."""
    told = {
        "title": of,
        "services": ["shop"],
        "environments": ["production"],
        "severity": "error",
        **(facts or {}),
        **more,
    }
    return Change(UUID(int=next(NUMBERS)), NOON + timedelta(minutes=minutes), subject, named(of), name, told)


def rule(*when: Any, **terms: Any) -> Rule:
    return Rule.model_validate({"rule_id": named("rule"), "name": "rule", "when": list(when) or ["new"], **terms})
