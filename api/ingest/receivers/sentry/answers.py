"""What SDKs are answered, as Sentry's protocol has it: an id, or a detail that is said in a header too. Pure."""

from collections.abc import Mapping
from uuid import UUID

from pydantic_core import to_json

from api.http.problems import Invalid, Overloaded, Problem, QuotaExceeded

DETAIL_CHARS = 1_000
# What a limit names, so that an SDK goes on to send its client reports: a 429 without categories silences all for a minute.
CATEGORIES = (
    "error;default;security;feedback;transaction;span;session;attachment;log_item;metric_bucket;profile;replay;monitor"
)
SHOWN_HEADERS = ("X-Sentry-Error", "X-Sentry-Rate-Limits")


def answer_id(event_id: UUID | None) -> bytes:
    """The answer to what was taken; an envelope without an event has no id."""
    return to_json({"id": event_id.hex} if event_id is not None else {})


def answer_problem(problem: Problem) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what was not taken."""
    status = 400 if isinstance(problem, Invalid) else 429 if isinstance(problem, Overloaded) else problem.status
    headers = {**(problem.headers or {}), "X-Sentry-Error": as_field(problem.detail)}
    if isinstance(problem, QuotaExceeded | Overloaded):
        headers["X-Sentry-Rate-Limits"] = limit_for(problem.headers or {})
    return status, headers, to_json({"detail": problem.detail})


def limit_for(headers: Mapping[str, str]) -> str:
    """For how long the SDK is to send nothing, in the form of the protocol: seconds, categories, scope."""
    return f"{headers.get('Retry-After', '1')}:{CATEGORIES}:organization"


def as_field(detail: str) -> str:
    """A text as the value of a header."""
    return detail[:DETAIL_CHARS].encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")
