"""Records that name no level are judged by what they say."""

import pytest

from api.ingest.receivers.shipper.failures import NONE, Failure
from api.ingest.receivers.shipper.judging import is_generic, judge
from api.ingest.receivers.shipper.names import Record


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("connection refused", "error"), ("Failed password for root", "error"), ("could not open x", "error"),
        ("Out of memory: Killed process 12", "error"), ("deprecated option", "warning"), ("session opened", None),
        ("done: 0 errors", None), ("no errors found", None), ("terror in the forest", None),
    ],
)  # fmt: skip
def test_by_words(message: str, level: str | None) -> None:
    assert judge(message, NONE, Record({})) == level


def test_an_exception_is_an_error_and_so_is_a_status_of_500() -> None:
    assert judge("", Failure("KeyError"), Record({})) == "error"
    assert judge("GET /", NONE, Record({"status": 503})) == "error"
    assert judge("GET /error", NONE, Record({"status": 404})) == "info"


@pytest.mark.parametrize(
    "said",
    [
        "Exception in ASGI application",
        "Exception on /pay [POST]",
        "Internal Server Error: /a/b",
        "Unhandled exception",
        "",
    ],
)
def test_what_says_only_that_there_was_an_exception(said: str) -> None:
    assert is_generic(said) == bool(said)


@pytest.mark.parametrize(
    "said", ["payment failed", "could not import row 12", "Exception in ASGI application for shop"]
)
def test_what_says_more(said: str) -> None:
    assert not is_generic(said)
