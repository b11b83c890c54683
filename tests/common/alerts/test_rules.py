"""What rules may say, what each refuses and why, and which changes they want."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.alerts.changes import Change
from common.alerts.rules import If, RuleTerms
from tests.common.alerts.making import change, named, rule

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"when": []}, "at least 1 item"),
    ({"when": ["newer"]}, "Input should be 'new'"),
    ({"when": ["new"] * 21}, "at most 20 items"),
    ({"when": [{}]}, "one of more_than, budget and breach"),
    ({"when": [{"budget": 80, "breach": 0.5}]}, "one of more_than, budget and breach"),
    ({"when": [{"breach": 0.81}]}, "steps of 0.05"),
    ({"when": [{"breach": 1}]}, "less than 1"),
    ({"when": [{"more_than": {"errors": 0, "minutes": 5}}]}, "greater than or equal to 1"),
    ({"when": [{"more_than": {"errors": 5, "minutes": 7}}]}, "multiple of 5"),
    ({"when": [{"more_than": {"errors": "5", "minutes": 5}}]}, "valid integer"),
    ({"when": [{"more_than": {"errors": 5, "minutes": 5, "per": "service"}}]}, "'pattern' or 'project'"),
    ({"if": {"all": [{}]}}, "each condition says one of"),
    ({"if": {"all": [{"service": None}]}}, "each condition says one of"),
    ({"if": {"all": [{"service": "a", "title": "b"}]}}, "each condition says one of"),
    ({"if": {"all": [{"hostname": "a"}]}}, "Extra inputs"),
    ({"if": {"all": [{"service": "a\x00b"}]}}, "match pattern"),
    ({"if": {"all": [{"service": "a" * 201}]}}, "at most 200"),
    ({"if": {"all": [{"severity": "fatal"}]}}, "'debug', 'info'"),
    ({"if": {"all": [{"title": "a"}] * 21}}, "at most 20"),
    ({"if": {"every": []}}, "Extra inputs"),
    ({"if": "production"}, "valid dictionary"),
    ({"throttle_minutes": -1}, "greater than or equal to 0"),
    ({"throttle_minutes": 10**9}, "less than or equal to"),
    ({"digest": {"at": "24:00"}}, "match pattern"),
    ({"digest": {"at": "9:00"}}, "match pattern"),
    ({"digest": {"at": "09:00", "timezone": "Europe/Atlantis"}}, "Atlantis"),
    ({"digest": {"at": "09:00", "timezone": "../../etc/passwd"}}, "passwd"),
    ({"quiet": {"from": "07:00", "to": "07:00"}}, "different times"),
    ({"quiet": {"from": "07:00"}}, "Field required"),
    ({"wehn": ["new"]}, "Extra inputs"),
]


@pytest.mark.parametrize(("said", "why"), REFUSED)
def test_what_makes_no_rule_is_refused_with_the_reason(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        RuleTerms.model_validate({"when": ["new"], **said})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN = st.dictionaries(st.sampled_from(["when", "if", "digest", "quiet", "throttle_minutes", "follow_up"]), ANYTHING)


@given(KNOWN)
def test_whatever_is_sent_is_a_rule_or_is_refused_and_stays_what_it_is_when_it_is_stored(sent: dict[str, Any]) -> None:
    try:
        terms = RuleTerms.model_validate(sent)
    except ValidationError:
        return
    stored = terms.model_dump_json(by_alias=True, exclude_defaults=True)
    assert RuleTerms.model_validate(json.loads(stored)) == terms


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ([{"service": "a"}], {"all": [{"service": "a"}]}),
        ({"service": "a"}, {"all": [{"service": "a"}]}),
        ({"service": "a", "title": "b"}, {"all": [{"service": "a"}, {"title": "b"}]}),
        ({}, {"all": []}),
    ],
)
def test_conditions_may_be_said_in_short(short: Any, long: Any) -> None:
    assert If.model_validate(short) == If.model_validate(long)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"service": "shop"}, True),
        ({"service": ["cart", "shop"]}, True),
        ({"service": "cart"}, False),
        ({"environment": "production"}, True),
        ({"environment": ""}, False),
        ({"severity": "error"}, True),
        ({"severity": ["warning", "critical"]}, False),
        ({"least_severity": "warning"}, True),
        ({"least_severity": "critical"}, False),
        ({"title": "DECLINED"}, True),
        ({"title": ["nothing", "declined"]}, True),
        ({"title": ".*"}, False),
        ({"release": "2.0"}, True),
        ({"tag": {"name": "region"}}, True),
        ({"tag": {"name": "region", "value": "us"}}, False),
        ({"state": "new"}, True),
        ({"least_count": 7}, True),
        ({"least_count": 8}, False),
    ],
)
def test_each_condition_asks_what_it_says(condition: dict[str, Any], holds: bool) -> None:
    facts = change("new", title="card declined", releases=["2.0"], tags={"region": "eu"}, state="new", count=7)
    for name, expected in (("all", holds), ("any", holds), ("none", not holds)):
        assert rule(**{"if": {name: [condition]}}).wants(facts) is expected


def test_any_needs_one_and_all_needs_each() -> None:
    yes, no = {"service": "shop"}, {"service": "cart"}
    assert rule(**{"if": {"any": [no, yes]}}).wants(change())
    assert not rule(**{"if": {"any": [no, no]}}).wants(change())
    assert not rule(**{"if": {"all": [no, yes]}}).wants(change())


def test_a_budget_has_no_environment_and_is_told_all_the_same() -> None:
    production = {"if": {"all": [{"environment": "production"}], "any": [{"service": "a"}], "none": [{"title": "b"}]}}
    crossed = Change(
        named("t"), change().happened_at, "budget", named("b"), "crossed", {"title": "all", "percent": 80.0}
    )
    assert rule("budget", **production).wants(crossed)


def test_what_people_ignore_is_wanted_by_no_rule() -> None:
    assert not rule("spiking").wants(change("spiking", state="ignored"))


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ("new", {"new"}),
        ("regressed", {"regressed"}),
        ("spiking", {"spiking"}),
        ("rising", {"rising"}),
        ("incident", {"incident"}),
        ("resolved", {"resolved"}),
        ("budget", {"crossed"}),
        ("spend", {"spend"}),
        ("silent", {"silent"}),
        ("worker_late", {"late"}),
        ("disk", {"disk"}),
        ("undelivered", {"undelivered"}),
        ("first_in_release", set()),
        ({"budget": 80}, set()),
    ],
)
def test_each_word_wants_the_changes_that_it_names(when: Any, wanted: set[str]) -> None:
    names = ("new", "regressed", "spiking", "rising", "incident", "resolved", "crossed", "spend", "silent", "late", "disk",
             "undelivered", "over", "worse", "held", "many", "opened")  # fmt: skip
    assert {name for name in names if rule(when).wants(change(name))} == wanted


def test_first_in_release_wants_what_a_new_release_brought() -> None:
    assert rule("first_in_release").wants(change("new", releases=["2"], is_new_release=True))
    assert not rule("first_in_release").wants(change("new", releases=["2"], is_new_release=False))
    assert not rule("first_in_release").wants(change("spiking", releases=["2"], is_new_release=True))


def test_a_budget_is_told_from_the_percent_on_that_is_said() -> None:
    assert [rule({"budget": 85}).wants(change("crossed", percent=percent)) for percent in (80, 85, 90)] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("chance", [n / 20 for n in range(1, 20)])
def test_a_chance_is_told_by_the_one_change_that_reaches_it(chance: float) -> None:
    steps = [0, 3, 4, 9, 15, 16, 20]
    changes = [change("breach", chance=after / 20, chance_before=before / 20) for before, after in pairwise(steps)]
    assert sum(rule({"breach": chance}).wants(one) for one in changes) == 1


def test_a_rate_is_told_to_the_rule_that_said_it() -> None:
    rate = {"errors": 5, "minutes": 10, "per": "pattern"}
    facts = {"rule": str(named("rule")), "rate": rate}
    assert rule({"more_than": rate}).wants(change("many", facts=facts))
    assert not rule({"more_than": rate | {"errors": 6}}).wants(change("many", facts=facts))
    assert not rule({"more_than": rate}).wants(change("many", facts=facts | {"rule": str(named("another"))}))
