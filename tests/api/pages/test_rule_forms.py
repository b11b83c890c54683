"""What a rule says stays whole on its way through a form."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.alerts.rule_schemas import RuleIn, RuleOut
from api.http.problems import Invalid
from api.pages.rule_forms import CONDITION_WORDS, CONDITIONS, WORDS, read_rule, read_terms, write_fields
from common.alerts.rules import WORDS as KNOWN

NOW = datetime(2026, 2, 1, tzinfo=UTC)
RULES: list[dict[str, Any]] = [
    {"when": ["new"]},
    {
        "when": [
            "new",
            {"more_than": {"errors": 100, "minutes": 5, "per": "project"}},
            {"budget": 82.5},
            {"breach": 0.85},
        ]
    },
    {
        "when": [
            {"more_than": {"errors": 1, "minutes": 10}},
            {"more_than": {"errors": 9, "minutes": 60}},
            {"budget": 80},
        ]
    },
    {
        "when": ["spiking"],
        "if": {
            "all": [{"environment": ["", "eu, west"]}, {"least_severity": "error"}, {"least_count": 10}],
            "any": [{"tag": {"name": "a=b", "value": "c"}}, {"tag": {"name": "region"}}, {"title": "x: y"}],
            "none": [{"state": ["resolved", "new"]}, {"severity": "info"}, {"release": "2.0"}, {"service": "a"}],
        },
    },
    {
        "when": ["silent"],
        "throttle_minutes": 0,
        "follow_up": False,
        "digest": {"at": "09:00", "timezone": "Europe/Berlin"},
        "quiet": {"from": "22:00", "to": "07:00"},
        "armed": True,
        "channels": [str(uuid4())],
    },
]


@pytest.mark.parametrize("sent", RULES, ids=["word", "numbers", "rates", "conditions", "then"])
def test_what_a_rule_says_is_what_its_fields_say(sent: dict[str, Any]) -> None:
    rule = RuleIn.model_validate({"name": 'a "rule"', **sent})
    stored = RuleOut.model_validate(
        {
            **rule.model_dump(by_alias=True),
            "id": UUID(int=1),
            "created_at": NOW,
            "changed_at": NOW,
            "fired_last_7_days": 0,
        }
    )
    assert RuleIn.model_validate(read_rule(write_fields(stored))) == rule


def test_each_change_and_condition_has_its_words() -> None:
    assert WORDS.keys() == KNOWN.keys()
    assert tuple(CONDITION_WORDS) == CONDITIONS


@pytest.mark.parametrize(
    "fields",
    [
        {"throttle_minutes": ["soon"]},
        {"throttle_minutes": ["-1"]},
        {"budget": ["1e3"]},
        {"breach": ["½"]},
        {"rate_errors": ["5"], "rate_minutes": ["x"], "rate_per": ["pattern"]},
        {"rate_errors": ["5"], "rate_minutes": []},
        {"group": ["some"], "condition": ["title"], "value": ["x"]},
        {"group": ["all"], "condition": ["name"], "value": ["x"]},
    ],
)
def test_fields_that_no_form_of_ours_sends_are_refused_in_words(fields: dict[str, list[str]]) -> None:
    with pytest.raises(Invalid):
        read_terms({"throttle_minutes": ["60"], **fields})
