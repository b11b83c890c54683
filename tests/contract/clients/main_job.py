"""The main job through a Python client as openapi-python-client makes it: a program of its own, as a user writes it.

`python main_job.py URL INGEST_KEY READ_KEY ADMIN_KEY EVENT_ID`; the project has one pattern. Fails on the first surprise.
"""

import sys
from http import HTTPStatus
from uuid import UUID

from mayday_client import AuthenticatedClient
from mayday_client.api.ingest import log_errors
from mayday_client.api.read import get_error, get_pattern, get_patterns, list_errors, list_recent_errors
from mayday_client.api.triage import change_pattern
from mayday_client.models import (
    BatchAnswer,
    DecidedState,
    ErrorBatchIn,
    ErrorDetail,
    ErrorIn,
    ErrorPage,
    PatternChange,
    PatternDetail,
    PatternsAnswer,
    ProblemDetails,
    RecentErrors,
    SeverityName,
)


def send_mixed_batch(ingest: AuthenticatedClient) -> None:
    good = ErrorIn(service="shop", severity=SeverityName.ERROR, message="stock is empty")
    bad = ErrorIn(service="", severity=SeverityName.ERROR, message="whose?")
    answer = log_errors.sync_detailed(client=ingest, body=ErrorBatchIn(errors=[good, bad, good]))
    assert answer.status_code == HTTPStatus.MULTI_STATUS
    assert isinstance(answer.parsed, BatchAnswer)
    assert (answer.parsed.count, [one.index for one in answer.parsed.rejected]) == (2, [1])
    refused = log_errors.sync(client=ingest, body=ErrorBatchIn(errors=[bad]))
    assert isinstance(refused, ProblemDetails)
    assert (refused.status, refused.type_) == (422, "urn:mayday:problem:invalid")


def read_errors(read: AuthenticatedClient, event_id: UUID) -> None:
    recent = list_recent_errors.sync(client=read, limit=2, service="checkout")
    assert isinstance(recent, RecentErrors)
    assert [one.service for one in recent.errors] == ["checkout", "checkout"]
    page = list_errors.sync(client=read, severity=SeverityName.ERROR, limit=5)
    assert isinstance(page, ErrorPage)
    assert page.next_ is not None
    following = list_errors.sync(client=read, severity=SeverityName.ERROR, limit=5, cursor=page.next_)
    assert isinstance(following, ErrorPage)
    assert {one.id for one in page.errors}.isdisjoint(one.id for one in following.errors)
    one = get_error.sync(event_id, client=read)
    assert isinstance(one, ErrorDetail)
    assert one.message == "payment 4711 failed"


def resolve_pattern(read: AuthenticatedClient, admin: AuthenticatedClient) -> None:
    answer = get_patterns.sync_detailed(client=read)
    assert isinstance(answer.parsed, PatternsAnswer)
    [pattern] = answer.parsed.patterns
    assert answer.parsed.total == pattern.count
    known = {"If-None-Match": answer.headers["ETag"]}
    with AuthenticatedClient(base_url=read._base_url, token=read.token, headers=known) as again:
        assert get_patterns.sync_detailed(client=again).status_code == HTTPStatus.NOT_MODIFIED
    change_pattern.sync(pattern.id, client=admin, body=PatternChange(state=DecidedState.RESOLVED, note="stocked up"))
    resolved = get_pattern.sync(pattern.id, client=admin)
    assert isinstance(resolved, PatternDetail)
    assert (resolved.state, resolved.note) == ("resolved", "stocked up")


def be_refused(url: str, ingest: AuthenticatedClient) -> None:
    stranger = list_recent_errors.sync(client=AuthenticatedClient(base_url=url, token="mistyped"))
    assert isinstance(stranger, ProblemDetails)
    assert stranger.status == 401
    many = ErrorBatchIn(errors=[ErrorIn(service="shop", severity=SeverityName.INFO, message="again")] * 1_000)
    for _ in range(10):
        answer = log_errors.sync_detailed(client=ingest, body=many)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            break
    assert isinstance(answer.parsed, ProblemDetails)
    assert answer.parsed.errors
    assert int(answer.headers["Retry-After"]) > 0


def main() -> None:
    url, *keys, event_id = sys.argv[1:]
    ingest, read, admin = (
        AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True) for key in keys
    )
    read_errors(read, UUID(event_id))
    resolve_pattern(read, admin)
    send_mixed_batch(ingest)
    be_refused(url, ingest)


if __name__ == "__main__":
    main()
