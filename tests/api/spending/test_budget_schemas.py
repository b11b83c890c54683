"""A budget that cannot be is refused in words that say what would be."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.spending.budget_schemas import BudgetChange, BudgetIn

GOOD: dict[str, Any] = {"name": "all", "scope": "project", "metric": "tokens", "limit": 100, "period": "month"}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"scope": "team"}, "scope_value says which"),
        ({"scope_value": "ops"}, "a project has none"),
        ({"limit": "1.5"}, "tokens are whole"),
        ({"limit": 0}, "greater than 0"),
        ({"limit": 10**16}, "no more than 15 digits"),
        ({"thresholds": []}, "one to ten thresholds"),
        ({"thresholds": [80, 80]}, "each once"),
        ({"thresholds": [1001]}, "less than or equal to 1000"),
        ({"timezone": "Mars/Olympus"}, "give an IANA name"),
        ({"period": "year"}, "Input should be"),
        ({"starts_on": 0}, "greater than or equal to 1"),
        ({"starts_on": 32}, "less than or equal to 31"),
        ({"period": "week", "starts_on": 8}, "a day of the week, 1 to 7"),
        ({"period": "day", "starts_on": 1}, "days have none"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        BudgetIn.model_validate(GOOD | wrong)


@pytest.mark.parametrize(
    "good",
    [{}, {"limit": "100.0"}, {"metric": "usd", "limit": "0.000000000001"}, {"scope": "model", "scope_value": "haiku"}],
)
def test_what_makes_sense_is_taken(good: dict[str, Any]) -> None:
    assert BudgetIn.model_validate(GOOD | good).limit > 0


@pytest.mark.parametrize(
    ("change", "why"),
    [({}, "nothing to do"), ({"thresholds": [0]}, "greater than 0"), ({"scope": "team"}, "not permitted")],
)
def test_a_change_says_something_that_can_be_changed(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        BudgetChange.model_validate(change)
