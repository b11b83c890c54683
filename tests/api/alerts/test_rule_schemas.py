"""What is sent about rules and mutes: refused in a sentence where it makes no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.alerts.rule_schemas import MuteIn, RuleChange, RuleIn


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"when": ["new"]}, "name"),
        ({"name": "a", "when": ["new"], "armed": True}, "needs one at least"),
        ({"name": "a", "when": ["new"], "armed": "yes"}, "valid boolean"),
        ({"name": "", "when": ["new"]}, "at least 1 character"),
        ({"name": "a\x00", "when": ["new"]}, "match pattern"),
        ({"name": "a", "when": ["new"], "channels": ["x"]}, "valid UUID"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(sent: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        RuleIn.model_validate(sent)


def test_a_change_says_only_what_it_was_told() -> None:
    assert RuleChange.model_validate({"if": {"service": "a"}, "digest": None}).said() == {
        "if": {"all": [{"service": "a"}]},
        "digest": None,
    }
    with pytest.raises(ValidationError, match="nothing to do"):
        RuleChange.model_validate({})


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"minutes": 5},
        {"everything": True, "rule": "01981e5f-6a00-7000-8000-000000000000"},
        {"everything": True, "minutes": 5, "until": "2126-01-01T00:00:00Z"},
        {"everything": True, "minutes": 0},
    ],
)
def test_a_mute_says_what_and_one_end(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MuteIn.model_validate(sent)
