"""What a protocol tells of groups goes before the texts, and is read back from the context that keeps it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.fingerprint import (
    GROUPING,
    GROUPING_CHARS,
    Grouping,
    Trace,
    fingerprint_error,
    fingerprint_value,
    read_grouping,
)

name = st.text(max_size=60)
traces = st.builds(Trace, st.lists(name, max_size=3).map(tuple), st.lists(name, min_size=1, max_size=24).map(tuple))
groupings = traces.map(Grouping) | st.text(min_size=1, max_size=99).map(lambda template: Grouping(template=template))


@given(groupings)
def test_what_is_kept_is_read_back_from_the_beginning_of_the_context(grouping: Grouping) -> None:
    context = json.dumps(
        {GROUPING: grouping.as_json(), "rest": "x" * 50_000}, ensure_ascii=False, separators=(",", ":")
    )
    assert read_grouping(context[:GROUPING_CHARS]) == grouping


@pytest.mark.parametrize(
    "context",
    [
        "",
        "{}",
        '{"other":1}',
        '{"grouping":',
        '{"grouping":7}',
        '{"grouping":{"frames":[]}}',
        '{"grouping":{"types":["a"],"frames":[1]}}',
        '{"grouping":{"template":""}}',
        '{"grouping":' + "[" * 9_000,
    ],
)
def test_what_a_context_does_not_hold_is_none(context: str) -> None:
    assert read_grouping(context) is None


@given(groupings, st.text(min_size=1, max_size=99), st.none() | name.filter(bool))
def test_the_value_alone_is_that_of_the_whole(grouping: Grouping, message: str, error_type: str | None) -> None:
    whole = fingerprint_error(message=message, error_type=error_type, stack_trace=None, grouping=grouping)
    assert whole.value == fingerprint_value(message=message, error_type=error_type, trace=None, grouping=grouping)


def test_a_template_groups_what_was_made_of_it_and_makes_the_title() -> None:
    made = [
        fingerprint_error(
            message=message, error_type=None, stack_trace=None, grouping=Grouping(template="user <*> left")
        )
        for message in ("user alice left", "user bob left")
    ]
    assert made[0] == made[1]
    assert (made[0].grouped_by, made[0].title) == ("message", "user <*> left")
    alike = fingerprint_error(message="user 17 left", error_type=None, stack_trace=None)
    assert alike.value == made[0].value


def test_the_clients_own_fingerprint_goes_before() -> None:
    told = fingerprint_error(
        message="m", error_type=None, stack_trace=None, client_fingerprint="mine", grouping=Grouping(Trace((), ("a",)))
    )
    assert told.grouped_by == "client"
