"""What is over a rate: counted in whole buckets, of what the rule is about."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from common.alerts.rates import find_exceeded, first_bucket, last_buckets, name_condition
from common.alerts.rules import Rate
from common.buckets import BUCKET
from tests.common.alerts.making import NOON, named, rule

PROJECT = named("project")


def row(errors: int, ago: int = 0, pattern: str = "a", environment: str = "production", service: str = "shop") -> Any:
    return SimpleNamespace(
        pattern_id=named(pattern), bucket=NOON - ago * BUCKET, service=service, environment=environment, severity=3,
        errors=errors,
    )  # fmt: skip


def exceeded(rows: list[Any], rate: Rate, known: dict[UUID, Any] | None = None, **terms: Any) -> dict[UUID, int]:
    one = rule({"more_than": rate.model_dump()}, **terms)
    return {key: count.errors for key, count in find_exceeded(rows, one, rate, NOON, known or {}, PROJECT).items()}


def test_more_than_is_more_and_the_window_ends_with_its_first_bucket() -> None:
    rate = Rate(errors=10, minutes=10)
    assert exceeded([row(6), row(4, ago=1)], rate) == {}
    assert exceeded([row(6), row(5, ago=1)], rate) == {named("a"): 11}
    assert exceeded([row(6), row(50, ago=2)], rate) == {}


def test_of_one_pattern_or_of_all_together() -> None:
    rows = [row(6, pattern="a"), row(6, pattern="b")]
    assert exceeded(rows, Rate(errors=10, minutes=5)) == {}
    assert exceeded(rows, Rate(errors=10, minutes=5, per="project")) == {PROJECT: 12}


def test_only_what_the_rule_is_about_is_counted() -> None:
    rows = [row(6), row(100, environment="staging")]
    assert exceeded(rows, Rate(errors=10, minutes=5), if_={"environment": "production"}) == {}
    assert exceeded(rows, Rate(errors=5, minutes=5), if_={"none": [{"environment": "staging"}]}) == {named("a"): 6}
    ignored = {named("a"): SimpleNamespace(title="t", state="ignored")}
    assert exceeded(rows, Rate(errors=5, minutes=5), ignored) == {}
    titled = {named("a"): SimpleNamespace(title="card declined", state="new")}
    assert exceeded(rows, Rate(errors=5, minutes=5), titled, if_={"title": "timeout"}) == {}


def test_the_last_buckets_are_the_one_that_is_open_and_the_whole_one_before_it() -> None:
    assert last_buckets(NOON + timedelta(minutes=7)) == (NOON + BUCKET, NOON)
    assert first_bucket(Rate(errors=1, minutes=15), NOON) == NOON - 2 * BUCKET


def test_each_rate_of_a_rule_has_a_condition_of_its_own() -> None:
    rates = [Rate(errors=1, minutes=5), Rate(errors=2, minutes=5), Rate(errors=1, minutes=5, per="project")]
    assert len({name_condition(rule(), rate) for rate in rates}) == 3
