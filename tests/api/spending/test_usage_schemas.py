"""A record says its tokens in one form, and whose model it was."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.spending.usage_schemas import UsageIn

RECORD: dict[str, Any] = {"event_key": "1", "team": "ops", "model": "m", "occurred_at": "2026-02-03T10:15:00Z"}
COUNTS = {"input_tokens": 0, "output_tokens": 0}


@pytest.mark.parametrize(
    ("tokens", "why"),
    [
        ({}, "no tokens"),
        (COUNTS | {"total_tokens": 0}, "total_tokens and input_tokens say the same thing"),
        (COUNTS | {"usage": {}}, "usage and input_tokens say the same thing"),
        ({"total_tokens": 1, "usage": {}}, "total_tokens and usage say the same thing"),
        ({"input_tokens": 1}, "go together"),
        ({"cached_tokens": 1}, "go together"),
        (COUNTS | {"input_tokens": -1}, "greater than or equal to 0"),
        (COUNTS | {"model": None}, "model is needed"),
        (COUNTS | {"colour": 1}, "not permitted"),
    ],
)
def test_tokens_in_no_form_or_in_two_are_refused(tokens: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        UsageIn.model_validate(RECORD | tokens)


@pytest.mark.parametrize("tokens", [COUNTS, {"total_tokens": 0}, {"usage": {}, "model": None}])
def test_nothing_may_have_been_spent_and_a_usage_object_may_name_the_model(tokens: dict[str, Any]) -> None:
    assert UsageIn.model_validate(RECORD | tokens).event_key == "1"
