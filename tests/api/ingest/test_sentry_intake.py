"""What a sender of Sentry's protocol lost by a refusal is counted where it is known who it is, and told in its form.

What is done to its bodies is told by tests/api/ingest/test_sentry_routes.py and test_sentry_fast.py.
"""

from typing import Any, cast
from uuid import UUID

import pytest

from api.http.problems import BadRequest, BodyTooLarge, Overloaded, Problem, Unavailable
from api.ingest.sentry_intake import REFUSED, SentryIntake

PROJECT = UUID(int=7)


class Noted:
    def __init__(self) -> None:
        self.losses: list[tuple[UUID, str, str, int]] = []

    def note(self, *loss: Any) -> None:
        self.losses.append(loss)


@pytest.mark.parametrize(
    ("problem", "status", "is_lost"),
    [
        (Overloaded("x"), 429, True),
        (Unavailable("x"), 503, True),
        (BadRequest("x"), 400, False),
        (BodyTooLarge("x"), 413, False),
    ],
)
def test_a_refusal_is_a_loss_where_the_event_was_right(problem: Problem, status: int, is_lost: bool) -> None:
    noted = Noted()
    intake = SentryIntake(cast("Any", None), cast("Any", noted), cast("Any", None))
    answer = intake.describe_failure(problem, PROJECT)
    assert (answer.status_code, answer.headers["X-Sentry-Error"]) == (status, "x")
    assert noted.losses == ([(PROJECT, REFUSED, "error", 1)] if is_lost else [])
    assert intake.describe_failure(problem, None).status_code == status
    assert len(noted.losses) == is_lost
