"""Messages, and the templates that they were made of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers.sentry.messages import read_message
from tests.api.ingest.receivers.sentry.test_values import json_values


@pytest.mark.parametrize(
    ("event", "text", "template"),
    [
        ({"message": "it failed"}, "it failed", None),
        ({"message": {"formatted": "user 7 left", "message": "user %s left"}}, "user 7 left", "user <*> left"),
        ({"logentry": {"message": "user %s left", "params": ["ann"]}}, "user ann left", "user <*> left"),
        ({"logentry": {"message": "%(who)s left", "params": {"who": "ann"}}}, "ann left", "<*> left"),
        ({"logentry": {"message": "{} of {who}", "params": [7]}}, "7 of {who}", "<*> of <*>"),
        ({"logentry": {"message": "{1} of {0}", "params": ["a", "b"]}}, "b of a", "<*> of <*>"),
        ({"logentry": {"message": "%5.2f done", "params": [7]}}, "7 done", "<*> done"),
        ({"logentry": {"message": "%s and %s", "params": ["one"]}}, "one and %s", "<*> and <*>"),
        ({"logentry": {"message": "plain", "params": ["x"]}}, "plain", None),
        ({"logentry": {"message": "100 % sure"}}, "100 % sure", None),
        ({"logentry": {"message": "said %s", "formatted": "said %s"}}, "said %s", None),
        ({"logentry": {"message": "a"}, "message": "b"}, "a", None),
        ({"logentry": None, "message": "b"}, "b", None),
        ({"message": 7}, "7", None),
        ({}, "", None),
    ],
)
def test_a_message_is_a_text_or_made_of_a_template(event: dict[str, Any], text: str, template: str | None) -> None:
    assert tuple(read_message(event)) == (text, template)


def test_no_width_that_a_template_asks_for_is_believed() -> None:
    """`%2000000000s` of Python makes two billion blanks."""
    read = read_message({"logentry": {"message": "%9999s%2000000000s{0:>2000000000}", "params": ["a", "b"]}})
    assert len(read.text) < 100


@given(st.text(max_size=99), json_values, json_values)
def test_any_template_with_any_values_is_a_text(template: str, params: Any, formatted: Any) -> None:
    read = read_message({"logentry": {"message": template, "params": params, "formatted": formatted}})
    assert isinstance(read.text, str)
