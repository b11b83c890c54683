"""What people say of an error, and what SDKs say that they dropped."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given

from api.ingest.receivers.sentry.reports import Loss, build_feedback, read_feedback, read_losses, read_user_report
from common.settings import Settings
from tests.api.ingest.receivers.sentry.test_values import json_values

ID, OWN = UUID("9ec79c33ec9942ab8353589fcb2e04dc"), uuid4()


def feedback(**said: Any) -> dict[str, Any]:
    return {"event_id": OWN.hex, "contexts": {"feedback": said}}


def test_a_user_report_names_its_error_and_has_an_id_that_stays() -> None:
    report = {"event_id": ID.hex, "name": "Ann", "email": "ann@example.com", "comments": "it broke, password=hunter2x"}
    [said], [again] = list(read_user_report(report, None)), list(read_user_report(report, None))
    assert said == again
    assert (said.event_id, said.name, said.email) == (ID, "Ann", "ann@example.com")
    assert "hunter2x" not in said.message


def test_a_user_report_without_an_id_is_of_the_envelopes_event() -> None:
    [said] = read_user_report({"comments": "it broke"}, ID)
    assert said.event_id == ID
    assert not list(read_user_report({"comments": "it broke"}, None))
    assert not list(read_user_report({"event_id": ID.hex}, None))


def test_feedback_names_its_error_or_none() -> None:
    said = read_feedback(
        feedback(message="no", contact_email="a@b.c", name="Ann", url="http://x", associated_event_id=ID.hex), ID
    )
    assert said is not None
    assert (said.feedback_id, said.event_id, said.email, said.url) == (OWN, ID, "a@b.c", "http://x")
    alone = read_feedback(feedback(message="no"), ID)
    assert alone is not None
    assert alone.event_id is None
    assert read_feedback(feedback(message=""), ID) is None


def test_feedback_of_no_error_is_a_mild_error_of_its_own() -> None:
    event = feedback(message="the page is slow")
    said = read_feedback(event, ID)
    assert said is not None
    error = build_feedback(event, said, "shop", Settings.load()).value
    assert (error.severity, error.error_type, error.message) == ("info", "UserFeedback", "the page is slow")
    assert (error.fingerprint, error.event_id) == ("user feedback", OWN)


@pytest.mark.parametrize(
    ("report", "losses"),
    [
        (
            {"discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": 3}]},
            [Loss("queue_overflow", "error", 3)],
        ),
        ({"rate_limited_events": [{"category": "error", "quantity": "2"}]}, [Loss("ratelimit", "error", 2)]),
        ({"filtered_events": [{"reason": "Odd Reason!", "quantity": 1}]}, [Loss("oddreason", "unknown", 1)]),
        ({"discarded_events": [{"quantity": 0}, {"quantity": -1}, {"quantity": "x"}, None, 7, {}]}, []),
        ({"discarded_events": "x"}, []),
        ({}, []),
    ],
)
def test_a_client_report_tells_how_many_were_dropped_and_why(report: dict[str, Any], losses: list[Loss]) -> None:
    assert read_losses(report) == losses


@given(json_values)
def test_any_report_can_be_read(value: Any) -> None:
    report = {"discarded_events": [value, {"reason": value, "category": value, "quantity": value}]}
    assert all(loss.count > 0 for loss in read_losses(report))
    list(read_user_report({"event_id": value, "comments": value, "name": value}, None))
    read_feedback({"event_id": value, "contexts": {"feedback": {"message": value, "associated_event_id": value}}}, ID)
