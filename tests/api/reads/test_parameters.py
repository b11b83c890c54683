"""What readers ask, told apart: the form of an answer is no part of its question."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.reads.forms import Form, Format
from api.reads.parameters import ErrorQuery, PatternsQuery, Window
from common.snapshots.counting import EVERYTHING, Wanted


@pytest.mark.parametrize(
    ("sent", "form"),
    [
        ({}, None),
        ({"limit": 3}, None),
        ({"format": "json"}, Form()),
        ({"max_tokens": 200}, Form(max_tokens=200)),
        ({"fields": "id,message,id", "format": "csv"}, Form(Format.csv, ("id", "message"))),
    ],
)
def test_the_whole_document_has_no_form_and_fields_are_named_once(sent: dict[str, Any], form: Form | None) -> None:
    assert ErrorQuery.model_validate(sent).form() == form


@pytest.mark.parametrize("fields", ["", "colour", "id,", ",id", "id,colour", "id message", "ID", "id\n"])
def test_only_fields_that_there_are_can_be_asked_for(fields: str) -> None:
    with pytest.raises(ValidationError, match="fields"):
        ErrorQuery.model_validate({"fields": fields})


def test_the_question_is_what_differs_from_the_defaults_whatever_its_form() -> None:
    asked = PatternsQuery.model_validate(
        {"window": "7d", "service": "shop", "order": "count", "format": "csv", "fields": "id"}
    )
    assert asked.question() == {"window": Window.week, "service": "shop"}
    assert asked.beside_window() == {"service": "shop"}
    assert asked.wanted() == Wanted(service="shop")
    assert PatternsQuery.model_validate({"window": "1h"}).wanted() == EVERYTHING


@pytest.mark.parametrize(("window", "hours"), [("1h", 1), ("6h", 6), ("24h", 24), ("7d", 168)])
def test_a_window_has_its_hours(window: str, hours: int) -> None:
    assert Window(window).hours == hours
