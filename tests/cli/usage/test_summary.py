"""A call is summed up once, and a reason is told once with its first place."""

from datetime import UTC, datetime
from decimal import Decimal

from api.ingest.receivers.items import Rejected
from api.storing.rows import UsageRow
from cli.usage import make_context, read_record
from cli.usage.records import Unread, UsageRecord
from cli.usage.sources import Place
from cli.usage.summary import REASONS_MAX, ImportSummary


def test_sums_are_by_team_day_and_model_whatever_the_spelling_and_each_call_counts_once() -> None:
    summary, context, now = ImportSummary(), make_context(), datetime.now(UTC).isoformat()
    for key, model in (("1", "claude-haiku-4-5"), ("2", "anthropic/claude-haiku-4.5"), ("1", "claude-haiku-4-5")):
        row = read_record(UsageRecord(key, "ops", model, now, {"input_tokens": 1_000, "output_tokens": 0}), context)
        assert isinstance(row, UsageRow)
        summary.add(row)
    [(team, day, model, sums)] = list(summary.rows())
    assert (team, day, model) == ("ops", now[:10], "claude-haiku-4-5")
    assert (sums.calls, sums.input_tokens, sums.usd) == (2, 2_000, Decimal("0.002"))


def test_a_reason_is_told_once_and_there_are_not_more_than_can_be_read() -> None:
    summary = ImportSummary()
    for number in range(100):
        summary.note_unread(Place(Unread(""), "a.jsonl", number), f"reason {number % 50}")
    assert len(summary.unread) == REASONS_MAX + 1
    assert sum(summary.unread.values()) == 100
    assert summary.first["reason 1"] == "a.jsonl:1"
    summary.note_rejected(Place(Unread(""), "b", 0), Rejected("invalid_field", "reason 1"))
    assert summary.first["reason 1"] == "a.jsonl:1"
