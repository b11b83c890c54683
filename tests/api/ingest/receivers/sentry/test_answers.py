"""What an SDK is answered, and how it takes a limit."""

from uuid import UUID

import pytest
from sentry_sdk.transport import _parse_rate_limits

from api.http.problems import BadRequest, BodyTooLarge, Invalid, Overloaded, Problem, QuotaExceeded, Unavailable
from api.ingest.receivers.sentry.answers import answer_id, answer_problem


def test_what_was_taken_is_answered_with_its_id() -> None:
    assert answer_id(UUID("9ec79c33-ec99-42ab-8353-589fcb2e04dc")) == b'{"id":"9ec79c33ec9942ab8353589fcb2e04dc"}'
    assert answer_id(None) == b"{}"


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (BadRequest("odd \N{SNOWMAN}\nframing"), 400),
        (Invalid("no JSON"), 400),
        (BodyTooLarge("too much"), 413),
        (Unavailable("away"), 503),
        (Overloaded("full", retry_after_seconds=3), 429),
        (QuotaExceeded("spent", [], retry_after_seconds=17), 429),
    ],
)
def test_what_was_not_is_answered_with_a_detail_in_header_and_body(problem: Problem, status: int) -> None:
    answered, headers, body = answer_problem(problem)
    assert answered == status
    assert headers["X-Sentry-Error"].isascii()
    assert headers["X-Sentry-Error"].isprintable()
    assert problem.detail.encode()[:3] in body


@pytest.mark.parametrize(
    ("problem", "seconds"),
    [(QuotaExceeded("spent", [], retry_after_seconds=17), 17), (Overloaded("full", retry_after_seconds=3), 3)],
)
def test_a_limit_names_what_it_is_for_and_lets_client_reports_pass(problem: Problem, seconds: int) -> None:
    """As Sentry's own SDK reads it: a limit without categories would be one for all."""
    _, headers, _ = answer_problem(problem)
    assert headers["X-Sentry-Rate-Limits"].startswith(f"{seconds}:")
    named = {category for category, _ in _parse_rate_limits(headers["X-Sentry-Rate-Limits"])}
    assert {"error", "transaction", "session"} <= named
    assert None not in named
    assert "internal" not in named
    assert headers["Retry-After"] == str(seconds)
