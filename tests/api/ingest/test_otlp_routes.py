"""What senders of OTLP are answered; the stories of whole requests are in tests/flow/test_otlp.py."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from starlette.exceptions import HTTPException

from api.http.problems import BodyTooLarge, Invalid, Overloaded, Problem, QuotaExceeded, RequestTooSlow, Unauthorized
from api.ingest.otlp_routes import PATHS, answer_failure, find_problem_form, in_terms_of_otlp, name_rejected
from api.ingest.receivers.items import Batch, Rejected
from api.ingest.summaries import NOT_HELD
from api.storing.flusher import Outcome


def scope_of(content_type: bytes | None) -> dict[str, Any]:
    return {"headers": [(b"content-type", content_type)] if content_type else []}


def test_the_paths_of_otlp_answer_failures_in_its_form_and_others_in_ours() -> None:
    assert {find_problem_form(path) for path in PATHS} == {answer_failure}
    assert find_problem_form("/api/errors/batch") is None


@pytest.mark.parametrize(
    ("problem", "status", "headers"),
    [
        (Invalid("why"), 400, {}),
        (BodyTooLarge("why"), 413, {}),
        (Unauthorized("why"), 401, {"WWW-Authenticate": 'Bearer realm="mayday"'}),
        (QuotaExceeded("why", [], retry_after_seconds=7), 429, {"Retry-After": "7"}),
        (Overloaded("why"), 503, {"Retry-After": "1"}),
        (RequestTooSlow("why"), 503, {"Retry-After": "1"}),
        (Problem("why"), 500, {}),
        (HTTPException(405, "why", {"Allow": "POST"}), 405, {"Allow": "POST"}),
    ],
)
def test_only_429_and_503_may_come_again_and_say_when(
    problem: HTTPException, status: int, headers: Mapping[str, str]
) -> None:
    told = in_terms_of_otlp(problem)
    assert (told.status_code, told.detail, dict(told.headers or {})) == (status, "why", headers)
    assert (status in (429, 503)) == ("Retry-After" in (told.headers or {}))


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"application/x-protobuf", "application/x-protobuf"),
        (b"application/json; charset=utf-8", "application/json"),
        (b"text/plain", "application/json"),
        (b"\xff", "application/json"),
        (None, "application/json"),
    ],
)
def test_a_failure_is_told_in_the_senders_encoding(sent: bytes | None, answered: str) -> None:
    answer = answer_failure(Invalid("why"), scope_of(sent))
    assert (answer.status_code, answer.headers["content-type"]) == (400, answered)
    body = bytes(answer.body)
    if answered == "application/json":
        assert body == b'{"code":3,"message":"why"}'
    else:
        assert Status.FromString(body) == Status(code=3, message="why")


def test_what_cannot_be_read_and_what_cannot_be_held_are_rejected() -> None:
    batch = Batch(["a", "b"], rejected={1: Rejected("not_an_object", "why")})
    assert name_rejected(batch, [Outcome.stored, Outcome.rejected]) == ["why", NOT_HELD.detail]
    assert name_rejected(Batch([]), []) == []
