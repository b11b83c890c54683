"""One message for one thing: throttles, follow-ups, incidents, digests, quiet hours."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.alerts.changes import Change
from common.alerts.evaluation import evaluate, find_due, gather, next_local, order, replay, subjects_of
from common.alerts.gathering import Thread
from common.alerts.rules import Rule
from tests.common.alerts.making import NOON, change, named, rule


def told(one: Rule, *changes: Change) -> list[list[str]]:
    """The names of the changes of each message."""
    return [[change.name for change in firing.changes] for firing in replay(one, changes, {})]


def test_a_pattern_is_told_once_within_its_throttle_and_again_after_it() -> None:
    spikes = [change("spiking", minutes=minutes) for minutes in (0, 30, 59, 61)]
    assert told(rule("spiking", throttle_minutes=60), *spikes) == [["spiking"], ["spiking"]]
    assert told(rule("spiking", throttle_minutes=0), *spikes) == [["spiking"]] * 4


def test_the_throttle_is_each_pattern_s_own() -> None:
    assert told(rule("new"), change(of="a"), change(of="b", minutes=1)) == [["new"], ["new"]]


def test_changes_of_one_moment_are_one_message() -> None:
    assert told(rule("new"), *[change(of=str(n)) for n in range(50)]) == [["new"] * 50]


def test_what_got_worse_is_told_within_the_throttle_unless_nothing_is_to_follow() -> None:
    changes = change("rising"), change("spiking", minutes=5), change("rising", minutes=10)
    assert told(rule("rising", "spiking"), *changes) == [["rising"], ["spiking"]]
    assert told(rule("rising", "spiking", follow_up=False), *changes) == [["rising"]]


def test_the_end_of_what_was_told_follows_it_once() -> None:
    end, again = (change("over", minutes=minutes, facts={"of": "trend"}) for minutes in (30, 40))
    assert told(rule("spiking"), change("spiking"), end, again) == [["spiking"], ["over"]]
    assert told(rule("spiking"), end) == []
    assert told(rule("spiking", follow_up=False), change("spiking"), end) == [["spiking"]]


def test_people_who_resolve_end_the_thread() -> None:
    assert told(rule("new"), change(), change("resolved", minutes=9)) == [["new"], ["resolved"]]
    assert told(rule("resolved"), change("resolved")) == [["resolved"]]
    assert told(rule("new"), change("resolved")) == []


def test_one_incident_is_one_message_and_its_patterns_none_beside_it() -> None:
    inside = {"incident": str(named("i"))}
    batch = [change("spiking", of="a", facts=inside), change("spiking", of="b", facts=inside)]
    incident = change("incident", of="i", subject="incident", services=["shop", "cart"])
    assert told(rule("spiking", "incident"), *batch, incident) == [["incident"]]
    assert told(rule("spiking"), *batch, incident) == [["spiking", "spiking"]]
    later = change("spiking", of="c", minutes=30, facts=inside)
    assert told(rule("spiking", "incident"), *batch, incident, later) == [["incident"]]


def test_an_incident_that_grows_is_followed_up_each_time_it_is_larger_than_ever() -> None:
    def grown(minutes: int, *services: str) -> Change:
        return change("worse", of="i", subject="incident", minutes=minutes, services=list(services))

    incident = change("incident", of="i", subject="incident", services=["a", "b"])
    assert told(rule("incident"), incident, grown(4, "a", "b", "c"), grown(8, "a", "b", "c")) == [
        ["incident"],
        ["worse"],
    ]
    assert told(rule("incident"), grown(4, "a", "b", "c")) == []


def test_two_kinds_of_news_of_a_budget_do_not_throttle_each_other() -> None:
    crossed = change("crossed", subject="budget", percent=80)
    breach = change("breach", subject="budget", minutes=1, percent=70, chance=0.7, chance_before=0)
    assert told(rule("budget", "breach"), crossed, breach) == [["crossed"], ["breach"]]


def test_a_rate_of_another_rule_ends_no_thread_of_this_one() -> None:
    end = change("over", minutes=5, facts={"of": "many", "rule": str(named("another"))})
    threads = {named("a"): Thread(NOON, "many", 2, is_open=True)}
    assert evaluate(rule("new"), [end], threads) is None
    assert threads[named("a")].is_open


def test_a_digest_is_one_message_of_all_that_came_until_its_hour() -> None:
    daily = rule("new", digest={"at": "09:00", "timezone": "Europe/Berlin"}, throttle_minutes=0)
    changes = [change(of=str(n), minutes=60 * n) for n in range(30)]
    owed = gather(replay(daily, changes, {}))
    assert [one.due_at for one in owed] == [datetime(2026, 3, day, 8, tzinfo=UTC) for day in (11, 12)]
    assert sum(len(one.changes) for one in owed) == 30


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("21:59", "21:59"),
        ("22:00", "07:00"),
        ("23:30", "07:00"),
        ("03:00", "07:00"),
        ("06:59", "07:00"),
        ("07:00", "07:00"),
    ],
)
def test_in_quiet_hours_a_message_waits_for_their_end(at: str, due: str) -> None:
    quiet = rule("new", quiet={"from": "22:00", "to": "07:00"})
    moment = datetime.combine(NOON.date(), datetime.strptime(at, "%H:%M").time(), UTC)  # noqa: DTZ007
    assert find_due(quiet, moment).strftime("%H:%M") == due
    assert timedelta(0) <= find_due(quiet, moment) - moment < timedelta(hours=10)


@pytest.mark.parametrize("at", ["02:30", "00:00", "23:59"])
@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)])
def test_the_days_on_which_clocks_are_changed_have_their_digest(at: str, day: datetime) -> None:
    moments = [day]
    for _ in range(4):
        moments.append(next_local(moments[-1], "Europe/Berlin", at))
    gaps = [later - earlier for earlier, later in pairwise(moments[1:])]
    assert all(timedelta(hours=22, minutes=59) <= gap <= timedelta(hours=25, minutes=1) for gap in gaps)


NAMES = ("new", "regressed", "rising", "spiking", "over", "resolved", "incident", "worse")


@st.composite
def histories(draw: Any) -> list[Change]:
    """Changes in the order of time, some of one moment."""
    made, minutes = [], 0
    for _ in range(draw(st.integers(0, 25))):
        minutes += draw(st.sampled_from([0, 0, 1, 30, 90]))
        name = draw(st.sampled_from(NAMES))
        is_incident = name in {"incident", "worse"}
        facts: dict[str, Any] = {"services": ["a"] * draw(st.integers(1, 3)), "of": "trend"}
        if draw(st.booleans()) and not is_incident:
            facts["incident"] = str(named("i"))
        one = change(
            name, of="i" if is_incident else draw(st.sampled_from("ab")), minutes=minutes,
            subject="incident" if is_incident else "pattern", facts=facts,
        )  # fmt: skip
        made.append(one)
    return made


@given(histories(), st.sampled_from([0, 60]))
def test_what_is_told_is_the_same_however_often_the_evaluator_stops_and_goes_on(
    changes: list[Change], throttle: int
) -> None:
    """The worker loads threads for each batch; a preview keeps them."""
    terms = rule("new", "regressed", "spiking", "incident", throttle_minutes=throttle)
    whole = list(replay(terms, changes, {}))
    kept: dict[Any, Thread] = {}
    by_batch = []
    for at in sorted({one.happened_at for one in changes}):
        batch = [one for one in changes if one.happened_at == at]
        loaded = {subject: kept[subject] for subject in subjects_of(batch) if subject in kept}
        if firing := evaluate(terms, batch, loaded):
            by_batch.append(firing)
        kept |= loaded
    assert by_batch == whole
    assert no_two_within_throttle(terms, [change for firing in whole for change in firing.changes])


def no_two_within_throttle(one: Rule, changes: Sequence[Change]) -> bool:
    """No pattern is told of twice by changes of one name within the throttle."""
    last: dict[Any, datetime] = {}
    for told in changes:
        if told.name not in {"new", "regressed", "spiking"}:
            continue
        key = told.subject_id, told.name
        if key in last and told.happened_at < last[key] + timedelta(minutes=one.throttle_minutes):
            return False
        last[key] = told.happened_at
    return True


def test_incidents_come_before_the_patterns_of_their_moment() -> None:
    pattern, incident = change("spiking"), change("incident", of="i", subject="incident")
    assert order([pattern, incident]) == [incident, pattern]


def test_each_firing_names_its_notification_and_gathered_ones_share_it() -> None:
    daily = rule("new", digest={"at": "09:00"})
    first, second = replay(daily, [change(of="a"), change(of="b", minutes=1)], {})
    assert first.id_for(named("c")) == second.id_for(named("c")) != first.id_for(named("d"))
    first, second = replay(rule("new"), [change(of="a"), change(of="b", minutes=1)], {})
    assert first.id_for(named("c")) != second.id_for(named("c"))
