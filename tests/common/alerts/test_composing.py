"""What a message says: the worst first, with figures, in one thread, and the same for a preview as when it is sent."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from common.alerts.changes import Change
from common.alerts.composing import HEADS, LINES_MAX, Place, compose, find_pages, join_names
from common.alerts.outbox import read_stored, write_changes
from tests.common.alerts.making import change, named

PLACE = Place("shop", "on call")


def message(*changes: Change, left_out: int = 0, pages: str = "") -> Any:
    return compose(named("n"), changes, left_out, Place("shop", "on call", pages))


def test_one_change_is_told_with_its_figures_and_its_rule() -> None:
    told = message(change("spiking", of="timeout", observed=75, expected=10.0, factor=7.5, tags={"region": "eu"}))
    assert (told.kind, told.title, told.severity, told.service) == ("spiking", "Spiking: timeout", "error", "shop")
    assert {"Observed: 75", "Expected: 10", "Factor: 7.5", "region: eu"} <= set(told.lines)
    assert told.lines[-1] == "Rule: on call"


def test_of_several_the_worst_stands_first_and_the_others_are_counted() -> None:
    mild, bad = change(of="mild", severity="warning"), change("spiking", of="bad", severity="critical")
    told = message(mild, bad, left_out=3)
    assert told.title == "Spiking: bad (and 4 more)"
    assert "New: mild" in told.lines
    assert "and 3 more" in told.lines
    assert told.facts["change_count"] == 5


def test_what_began_stands_before_what_is_over() -> None:
    over, new = change("over", of="old", severity="critical"), change("new", of="fresh", severity="info")
    assert message(over, new).kind == "new"


def test_messages_of_one_incident_are_one_thread() -> None:
    incident = change("incident", of="i", subject="incident", services=["a", "b"], titles=["x", "y"])
    inside = change("spiking", of="x", facts={"incident": str(named("i"))})
    assert message(incident).incident_key == message(inside).incident_key == str(named("i"))
    assert message(change(of="x")).incident_key == str(named("x"))
    assert message(incident).title == "Incident in a, b: i"
    assert "Also: y" in message(incident).lines


@pytest.mark.parametrize(
    ("one", "title"),
    [
        (change("crossed", of="all", subject="budget", percent=80.0), "Budget all is at 80 %"),
        (
            change("breach", of="all", subject="budget", percent=72.5),
            "Budget all will be exceeded with a chance of 72.5 %",
        ),
        (
            change("held", of="c", subject="channel", count=7, max_per_hour=3),
            "7 alerts were held back: more than 3 within an hour",
        ),
        (change("of a later release", of="t"), "t"),
    ],
)
def test_each_kind_has_its_words(one: Change, title: str) -> None:
    assert message(one).title == title


def test_the_link_is_our_own_page_where_its_address_is_known() -> None:
    pages = find_pages("https://mayday.example/", named("p"))
    assert message(change(of="x"), pages=pages).url == f"https://mayday.example/p/{named('p')}/patterns/{named('x')}"
    assert message(change(of="x")).url is None
    assert find_pages("", named("p")) == ""


def test_an_environment_without_a_name_is_said_and_is_no_label() -> None:
    told = message(change(environments=["", "production"]))
    assert told.environment is None
    assert "Environments: (none), production" in told.lines
    assert join_names(list("abcdefg")) == "a, b, c, d, e and 2 more"


@given(st.lists(st.tuples(st.sampled_from([*HEADS, "later"]), st.text(max_size=50)), min_size=1, max_size=60))
def test_whatever_titles_say_a_message_is_made_of_them_and_is_the_same_once_it_was_stored(
    told: list[tuple[str, str]],
) -> None:
    changes = [change(name, of=str(number), title=title) for number, (name, title) in enumerate(told)]
    sent = compose(named("n"), changes, 0, PLACE)
    assert len(sent.lines) <= LINES_MAX
    stored = read_stored(from_json(write_changes(changes)))
    assert compose(named("n"), stored, 0, PLACE) == sent
    assert isinstance(sent.happened_at, datetime)
