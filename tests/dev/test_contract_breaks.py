"""Each kind of change that breaks a client is found in the real document, and none that does not."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from dev.check import ACCEPTED_CONTRACT, CONTRACT
from dev.contract_breaks import find_breaks, takes_all

DOCUMENT = json.loads(CONTRACT.read_text())
DOCUMENT["components"]["schemas"]["Liveness"]["properties"]["status"]["const"] = "ok"  # the document has none so far
Change = Callable[[dict[str, Any]], Any]


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    return document["paths"][path][method]  # type: ignore[no-any-return]


def recent(document: dict[str, Any]) -> dict[str, Any]:
    return operation(document, "get", "/api/errors/recent")


def parameter(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in recent(document)["parameters"] if one["name"] == name)


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]  # type: ignore[no-any-return]


def field(document: dict[str, Any], name: str, of: str) -> dict[str, Any]:
    return schema(document, of)["properties"][name]  # type: ignore[no-any-return]


BREAKS: dict[str, tuple[Change, str]] = {
    "a path is gone": (lambda d: d["paths"].pop("/api/usage"), "GET /api/usage: gone"),
    "a method is gone": (lambda d: d["paths"]["/api/budgets"].pop("post"), "POST /api/budgets: gone"),
    "an operation has another name": (lambda d: recent(d).update(operationId="get_recent"), "operationId"),
    "another kind of key": (lambda d: recent(d)["security"].pop(), "keys are asked for in another way"),
    "a public route asks for a key": (
        lambda d: operation(d, "get", "/livez").update(security=[{"HTTPBearer": []}]),
        "keys are asked for in another way",
    ),
    "a parameter is gone": (
        lambda d: recent(d)["parameters"].remove(parameter(d, "service")),
        "parameter service is gone",
    ),
    "a parameter became required": (lambda d: parameter(d, "limit").update(required=True), "limit became required"),
    "a new parameter is required": (
        lambda d: recent(d)["parameters"].append(
            {"name": "team", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        "team became required",
    ),
    "a bound is lower": (lambda d: parameter(d, "limit")["schema"].update(maximum=100), "maximum is stricter"),
    "a bound is higher": (lambda d: parameter(d, "limit")["schema"].update(minimum=2), "minimum is stricter"),
    "a pattern where there was none": (lambda d: field(d, "service", "ErrorIn").update(pattern="^a"), "pattern"),
    "a format where there was none": (lambda d: field(d, "service", "ErrorIn").update(format="uuid"), "format"),
    "a body's media type is gone": (
        lambda d: operation(d, "post", "/api/errors/log")["requestBody"].update(content={}),
        "POST /api/errors/log body: application/json is gone",
    ),
    "a body where there was none": (
        lambda d: recent(d).update(requestBody={"required": True, "content": {}}),
        "a body became required",
    ),
    "a body's field is gone": (lambda d: schema(d, "ErrorIn")["properties"].pop("tags"), "tags: gone"),
    "a body's field became required": (
        lambda d: schema(d, "ErrorIn")["required"].append("release"),
        "release: became required",
    ),
    "a body's field takes another type": (
        lambda d: field(d, "message", "ErrorIn").update(type="integer"),
        "message: string is no longer taken",
    ),
    "a body's field may not be null": (
        lambda d: field(d, "release", "ErrorIn")["anyOf"].remove({"type": "null"}),
        "release: null is no longer taken",
    ),
    "other fields are refused": (
        lambda d: schema(d, "ErrorIn")["properties"]["context"]["anyOf"][0].update(additionalProperties=False),
        "context: other fields are refused now",
    ),
    "a word of a list is refused": (lambda d: schema(d, "SeverityName")["enum"].remove("debug"), "debug is refused"),
    "an answer's status is gone": (lambda d: recent(d)["responses"].pop("304"), "the answer 304 is gone"),
    "an answer's media type is gone": (
        lambda d: recent(d)["responses"]["200"]["content"].pop("text/csv"),
        "text/csv is gone",
    ),
    "an answer's field is gone": (lambda d: schema(d, "ErrorSummary")["properties"].pop("service"), "service: gone"),
    "an answer's field may be missing": (
        lambda d: schema(d, "ErrorSummary")["required"].remove("service"),
        "service: may be missing now",
    ),
    "an answer's field may be null": (
        lambda d: field(d, "service", "ErrorSummary").update(anyOf=[{"type": "string"}, {"type": "null"}]),
        "service: null may come now",
    ),
    "an answer's field is read in another way": (
        lambda d: field(d, "timestamp", "ErrorSummary").pop("format"),
        "timestamp: clients read it as date-time, which it no longer is",
    ),
    "the one word of an answer is another": (
        lambda d: field(d, "status", "Liveness").update(const="fine"),
        "status: fine may come now",
    ),
    "an answer's list holds something else": (
        lambda d: field(d, "adjustments", "ErrorDetail")["items"].update(type="integer"),
        "adjustments[]: integer may come now",
    ),
    "an answer's field has another type": (
        lambda d: field(d, "outcome", "ErrorAnswer").update(type="number"),
        "outcome: number may come now",
    ),
}
HARMLESS: dict[str, Change] = {
    "a new path": lambda d: d["paths"].update({"/new": {"get": {"operationId": "x", "responses": {}}}}),
    "a new parameter": lambda d: recent(d)["parameters"].append(
        {"name": "team", "in": "query", "schema": {"type": "string"}}
    ),
    "a wider bound": lambda d: parameter(d, "limit")["schema"].update(maximum=1_000),
    "a new word in a request": lambda d: schema(d, "SeverityName")["enum"].append("fatal"),
    "a new field in an answer": lambda d: schema(d, "ErrorSummary")["properties"].update(more={"type": "string"}),
    "a field of a body need not be sent": lambda d: schema(d, "ErrorIn")["required"].remove("severity"),
    "another description": lambda d: schema(d, "ErrorIn").update(description="Else."),
}


def changed(change: Change) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    change(document)
    return document


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_found(name: str) -> None:
    change, expected = BREAKS[name]
    found = find_breaks(DOCUMENT, changed(change))
    assert found
    assert all(expected in line for line in found), found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_is_let_pass(name: str) -> None:
    assert find_breaks(DOCUMENT, changed(HARMLESS[name])) == []


def test_a_new_word_in_an_answer_is_a_break_since_clients_know_the_others_only() -> None:
    old = changed(lambda d: field(d, "outcome", "ErrorAnswer").update(enum=["stored"]))
    new = changed(lambda d: field(d, "outcome", "ErrorAnswer").update(enum=["stored", "duplicate"]))
    [found] = find_breaks(old, new)
    assert "outcome: duplicate may come now" in found
    assert find_breaks(new, old) == []


def test_the_contract_keeps_what_was_accepted() -> None:
    assert find_breaks(json.loads(ACCEPTED_CONTRACT.read_text()), DOCUMENT) == []


@pytest.mark.parametrize(
    ("pattern", "before", "is_so"),
    [
        ("^(a|b|c)(,(a|b|c))*$", "^(a|b)(,(a|b))*$", True),
        ("^(a|c)(,(a|c))*$", "^(a|b)(,(a|b))*$", False),
        ("^x+$", "^x+$", True),
        ("^x*$", "^x+$", False),
        ("^x+$", None, False),
    ],
)
def test_a_list_of_names_takes_what_it_took_where_names_are_added(
    pattern: str, before: str | None, is_so: bool
) -> None:
    assert takes_all(pattern, before) is is_so
