"""The first thing of a service is told at once; what follows it for minutes is one message, and what is worse does not wait."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from common.alerts.changes import Change
from common.alerts.evaluation import gather, replay
from common.alerts.gathering import Threads, name_window, windows_of
from common.alerts.rules import Rule
from tests.common.alerts.making import NOON, change, rule

TEN = rule("new", "regressed", gather_minutes=10)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def sent(one: Rule, *changes: Change) -> list[tuple[datetime, list[str]]]:
    """When each message is sent, and of what it tells."""
    return [(owed.due_at, [change.title for change in owed.changes]) for owed in gather(replay(one, changes, {}))]


def test_what_a_deployment_breaks_for_minutes_is_two_messages_and_the_first_is_not_later() -> None:
    broken = [change(of=str(number), minutes=number / 3) for number in range(20)]
    assert sent(TEN, *broken) == [(NOON, ["0"]), (at(10), [str(number) for number in range(1, 20)])]
    assert len(sent(rule("new"), *broken)) == 20


def test_the_window_begins_anew_with_the_first_thing_after_it() -> None:
    changes = [change(of=str(minutes), minutes=minutes) for minutes in (0, 5, 10, 12)]
    assert sent(TEN, *changes) == [(at(0), ["0"]), (at(10), ["5"]), (at(10), ["10"]), (at(20), ["12"])]


def test_each_service_has_a_window_of_its_own() -> None:
    other = change(of="b", minutes=1, services=["cart"])
    both = change(of="c", minutes=2, services=["cart", "shop"])
    third = change(of="d", minutes=3, services=["cart", "mail"])
    assert sent(TEN, change(of="a"), other, both, third) == [
        (NOON, ["a"]), (at(1), ["b"]), (at(3), ["d"]), (at(10), ["c"]),
    ]  # fmt: skip


@pytest.mark.parametrize("worse", [{"name": "regressed"}, {"severity": "critical"}])
def test_what_is_worse_than_what_was_told_does_not_wait(worse: dict[str, Any]) -> None:
    assert sent(TEN, change(of="a"), change(of="b", minutes=4, **worse)) == [(NOON, ["a"]), (at(4), ["b"])]
    assert sent(TEN, change(of="a", **worse), change(of="b", minutes=4, **worse)) == [(NOON, ["a"]), (at(10), ["b"])]


def test_what_was_told_at_once_with_something_worse_opened_the_window_for_it() -> None:
    together = [change(of="a", severity="critical"), change(of="b")]
    assert sent(TEN, *together, change(of="c", minutes=1, severity="critical"))[1:] == [(at(10), ["c"])]


def test_an_end_waits_with_what_it_is_the_end_of_and_opens_nothing() -> None:
    first, second, end = change(of="a"), change(of="b", minutes=1), change("resolved", of="b", minutes=2)
    assert sent(TEN, first, second, end) == [(NOON, ["a"]), (at(10), ["b", "b"])]
    late = change("resolved", of="a", minutes=30)
    assert sent(TEN, first, late, change(of="c", minutes=31))[1:] == [(at(30), ["a"]), (at(31), ["c"])]


def test_what_is_no_pattern_waits_for_nothing() -> None:
    silent = change("silent", subject="service", minutes=1)
    assert windows_of(silent) == []
    assert sent(rule("new", "silent", gather_minutes=10), change(), silent) == [(NOON, ["a"]), (at(1), ["a"])]


def test_nothing_is_remembered_of_services_by_rules_that_gather_nothing() -> None:
    threads: Threads = {}
    list(replay(rule("new"), [change()], threads))
    assert name_window("shop") not in threads
