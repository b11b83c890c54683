"""Snapshots of one call go as one record, batches are tried again, and little is held."""

from typing import Any

import pytest

from cli.client import ApiFailed
from cli.usage.delivery import BATCH_RECORDS, Held, UsageDelivery
from cli.usage.records import UsageRecord
from cli.usage.summary import ImportSummary


def record(key: str, output: int = 1) -> UsageRecord:
    return UsageRecord(key, "ops", "m", "2026-11-20T10:00:00Z", {"output_tokens": output})


def test_of_the_snapshots_of_a_call_the_last_goes_and_no_more_is_held_than_allowed() -> None:
    given: list[UsageRecord] = []
    held = Held(given.extend, most=1_000)
    for number in range(4_000):
        for output in (1, 1, number + 2, number + 2):
            held.add(record(str(number), output))
        assert len(held.records) < 1_000 + BATCH_RECORDS
    held.add(record("3999", 5))  # one that is behind what was read already
    held.give_rest()
    assert {one.event_key: one.usage["output_tokens"] for one in given} == {str(n): n + 2 for n in range(4_000)}
    assert len(given) == 4_000


class FakeApi:
    """Answers as the API does, after some failures."""

    def __init__(self, *failures: ApiFailed) -> None:
        self.failures = list(failures)
        self.sent: list[int] = []

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == "/api/usage/batch"
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(len(body["records"]))
        return {"count": len(body["records"]) - 1, "duplicates": 0, "rejected": [{"index": 0, "detail": "too old"}]}


def test_a_batch_is_sent_again_while_that_may_help_and_what_is_refused_is_said() -> None:
    summary, api = ImportSummary(), FakeApi(ApiFailed("busy", 503), ApiFailed("slow down", 429))
    with UsageDelivery(api, summary, 2) as delivery:  # type: ignore[arg-type]
        delivery.send([record("1"), record("2")])
        delivery.finish()
    assert (api.sent, summary.stored, summary.rejected) == ([2], 1, 1)
    assert summary.unread == {"refused: too old": 1}


def test_a_refusal_for_good_ends_it_and_is_counted() -> None:
    summary = ImportSummary()
    with UsageDelivery(FakeApi(ApiFailed("no such key", 401)), summary, 1) as delivery:  # type: ignore[arg-type]
        delivery.send([record("1")])
        with pytest.raises(ApiFailed, match="no such key"):
            delivery.finish()
    assert summary.undelivered == 1
    assert not summary.is_whole


def test_nothing_is_sent_where_only_the_sums_are_wanted() -> None:
    with UsageDelivery(None, ImportSummary(), 1) as delivery:
        delivery.send([record("1")])
        delivery.finish()
