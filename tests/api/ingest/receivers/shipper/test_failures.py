"""Exceptions in fields: the shapes in which loggers of many languages write them."""

from typing import Any

import pytest

from api.ingest.receivers.shipper.failures import NONE, take_failure
from api.ingest.receivers.shipper.names import Record

JAVA = "com.acme.Failed: no\n\tat com.acme.A.b(A.java:1)"
NODE = "TypeError: no\n    at f (/app/x.js:1:2)"
PYTHON = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: no'
RECORDS: list[tuple[dict[str, Any], str, str]] = [
    ({"stack_trace": JAVA}, "com.acme.Failed", "no"),  # logback
    ({"error": {"type": "com.acme.Failed", "message": "no", "stack_trace": JAVA}}, "com.acme.Failed", "no"),  # ECS
    ({"error.type": "com.acme.Failed", "error.message": "no", "error.stack_trace": JAVA}, "com.acme.Failed", "no"),
    ({"err": {"type": "TypeError", "message": "no", "stack": NODE}}, "TypeError", "no"),  # pino
    ({"err": {"name": "TypeError", "message": "no", "stack": NODE}}, "TypeError", "no"),  # bunyan
    ({"stack": NODE}, "TypeError", "no"),  # winston
    ({"exc_info": PYTHON}, "ValueError", "no"),  # python-json-logger
    ({"exception": PYTHON}, "ValueError", "no"),  # structlog
    (
        {
            "exception": [
                {
                    "exc_type": "ValueError",
                    "exc_value": "no",
                    "frames": [{"filename": "/a.py", "lineno": 1, "name": "f"}],
                }
            ]
        },
        "ValueError",
        "no",
    ),
    (
        {
            "thrown": {
                "name": "com.acme.Failed",
                "message": "no",
                "extendedStackTrace": [{"class": "A", "method": "b", "file": "A.java", "line": 1}],
            }
        },
        "com.acme.Failed",
        "no",
    ),  # log4j 2
    (
        {"context": {"exception": {"class": "App\\Failed", "message": "no", "trace": ["/a.php:1", "/b.php:2"]}}},
        "App\\Failed",
        "no",
    ),  # Monolog
    (
        {"exception": {"name": "App::Failed", "message": "no", "stack_trace": ["a.rb:1:in `b'"]}},
        "App::Failed",
        "no",
    ),  # Semantic Logger
    ({"Exception": "System.Failed: no\n   at A.B() in /a.cs:line 1"}, "System.Failed", "no"),  # Serilog
    (
        {"errorType": "KeyError", "errorMessage": "no", "stackTrace": ['  File "/a.py", line 1, in f\n']},
        "KeyError",
        "no",
    ),  # Lambda
]


@pytest.mark.parametrize(("sent", "of_type", "message"), RECORDS, ids=range(len(RECORDS)))
def test_type_message_and_stack(sent: dict[str, Any], of_type: str, message: str) -> None:
    failure = take_failure(Record(sent))
    assert (failure.type, failure.message) == (of_type, message)
    assert failure.stack


def test_a_text_alone_is_a_message() -> None:
    assert take_failure(Record({"error": "dial tcp: refused"})) == NONE._replace(message="dial tcp: refused")
    assert take_failure(Record({"error": "KeyError: 'x'"})) == NONE._replace(type="KeyError", message="'x'")


@pytest.mark.parametrize("value", [None, "", 0, False, {}, [], {"a": 1}, ["a", 1], [[]]])
def test_what_says_nothing_of_an_exception(value: object) -> None:
    assert take_failure(Record({"error": value, "stack": value, "exception": value})) == NONE


def test_causes_stand_behind_the_stack() -> None:
    cause = {"type": "Gone", "message": "db", "stack": "Gone: db\n\tat x.y(Z.java:1)"}
    failure = take_failure(
        Record({"error": {"type": "com.acme.Failed", "message": "no", "stack": JAVA, "cause": cause}})
    )
    assert failure.stack == f"{JAVA}\nCaused by: {cause['stack']}"
