"""A record becomes a row at the price of its moment, or is refused with the place that is wrong."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from api.ingest.receivers.items import Rejected
from api.spending.usage_rows import UsageContext, make_usage_row, name_usage_adjustments, price_row
from api.spending.usage_schemas import UsageIn
from api.storing.rows import UsageRow
from common.pricing import RateOverride, Rates
from common.tables import Adjustment
from common.tables.columns import OVERFLOW_NAME

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
PROJECT = UUID(int=1)
CONTEXT = UsageContext(PROJECT, NOW, NOW - timedelta(days=400), NOW + timedelta(minutes=5), ())
TWO_USD = RateOverride("claude-haiku-4-5", Rates(Decimal(2), Decimal(2)), datetime(2026, 1, 1, tzinfo=UTC))


def make(context: UsageContext = CONTEXT, **sent: Any) -> UsageRow | Rejected:
    record = {"event_key": "1", "team": "ops", "model": "claude-haiku-4-5", "occurred_at": NOW} | sent
    if not sent.keys() & {"usage", "total_tokens", "input_tokens"}:
        record |= {"input_tokens": 1_000_000, "output_tokens": 0}
    return make_usage_row(UsageIn.model_validate(record), context)


def made(context: UsageContext = CONTEXT, **sent: Any) -> UsageRow:
    row = make(context, **sent)
    assert isinstance(row, UsageRow), row
    return row


@pytest.mark.parametrize(
    ("sent", "pointer", "words"),
    [
        ({"occurred_at": NOW - timedelta(days=401)}, "/occurred_at", "not in the time that is kept"),
        ({"occurred_at": NOW + timedelta(minutes=6)}, "/occurred_at", "not in the time that is kept"),
        ({"usage": {"colour": 3}}, "/usage", "usage: "),
        ({"input_tokens": 1, "output_tokens": 0, "cached_tokens": 2}, "", "do not fit in 1"),
        (
            {"model": None, "usage": {"input_tokens": 1, "output_tokens": 1}},
            "/model",
            "neither the record nor its usage",
        ),
        ({"team": OVERFLOW_NAME}, "/team", OVERFLOW_NAME),
        ({"agent": OVERFLOW_NAME}, "/agent", OVERFLOW_NAME),
    ],
)
def test_what_cannot_be_counted_is_refused_at_its_place(sent: dict[str, Any], pointer: str, words: str) -> None:
    row = make(**sent)
    assert isinstance(row, Rejected)
    assert row.pointer == pointer
    assert words in row.detail


def test_a_time_at_the_edges_of_what_is_kept_is_taken_and_one_without_a_zone_is_utc() -> None:
    for edge in (CONTEXT.oldest, CONTEXT.newest):
        assert made(occurred_at=edge).occurred_at == edge
    assert made(occurred_at=NOW.replace(tzinfo=None).isoformat()).occurred_at == NOW


def test_the_price_is_of_an_override_before_what_was_reported_before_the_catalog() -> None:
    overridden = UsageContext(PROJECT, NOW, CONTEXT.oldest, CONTEXT.newest, (TWO_USD,))
    catalog, reported, override = made(), made(cost_usd="0.7"), made(overridden, cost_usd="0.7")
    assert [(row.cost_usd, row.priced_by) for row in (catalog, reported, override)] == [
        (Decimal(1), "catalog"), (Decimal("0.7"), "reported"), (Decimal(2), "override"),
    ]  # fmt: skip
    assert override.reported_usd == Decimal("0.7")
    assert price_row(override, ()).priced_by == "reported"


@pytest.mark.parametrize(
    ("tokens", "model", "cost", "priced_by"),
    [
        (5, "acme-1", None, "unpriced"),
        (1_000_000, "claude-haiku-4-5", Decimal(1), "catalog"),
        (0, "acme-1", Decimal(0), "reported"),
    ],
)
def test_a_reported_nothing_for_tokens_is_what_gateways_say_of_models_that_they_do_not_know(
    tokens: int, model: str, cost: Decimal | None, priced_by: str
) -> None:
    row = made(model=model, input_tokens=tokens, output_tokens=0, cost_usd=0)
    assert (row.cost_usd, row.priced_by) == (cost, priced_by)


def test_the_record_says_whose_model_it_was_before_its_attributes_do() -> None:
    attributes = {
        "gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 1, "gen_ai.response.model": "gpt-4o",
        "gen_ai.provider.name": "openai",
    }  # fmt: skip
    row = made(model=None, usage=attributes)
    assert (row.provider, row.model) == ("openai", "gpt-4o")
    row = made(model="ours", provider="gateway", usage=attributes)
    assert (row.provider, row.model, row.cost_usd) == ("gateway", "ours", None)


def test_all_spellings_of_a_model_are_summed_up_under_one_name_and_kept_as_they_were_sent() -> None:
    row = made(model="Claude Haiku 4.5")
    assert (row.model, row.sums_as) == ("Claude Haiku 4.5", made().sums_as)


def test_what_was_done_to_a_record_is_told_in_words() -> None:
    assert name_usage_adjustments(made(), 0) == []
    guessed = made(model="acme-1", total_tokens=5)
    assert name_usage_adjustments(guessed, 0) == ["estimated", "unpriced", "model_unknown"]
    assert name_usage_adjustments(made(), Adjustment.cleaned.value) == ["cleaned"]


@pytest.mark.parametrize(
    ("sent", "is_tied"),
    [({}, False), ({"event_id": PROJECT}, True), ({"pattern_id": PROJECT}, True), ({"deliverable": "PR-1"}, False)],
)
def test_a_record_is_tied_to_an_error_by_its_id_or_its_pattern(sent: dict[str, Any], is_tied: bool) -> None:
    assert made(**sent).is_tied_to_an_error is is_tied
