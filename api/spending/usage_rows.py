"""From a usage record as sent to the row that is written: its counts, its name in sums, its price. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from api.ingest.receivers.items import Rejected
from api.spending.usage_objects import UsageReading, UsageUnreadable, read_usage, read_usage_names
from api.spending.usage_schemas import UsageIn
from api.storing.rows import UsageRow
from api.storing.usage_details import write_details
from common.database.clock import CLOCK
from common.pricing import (
    Extras,
    Price,
    Processing,
    RateOverride,
    TokenCounts,
    makes_no_output,
    name_model,
    price_tokens,
    split_total,
)
from common.settings import Settings
from common.tables import Adjustment
from common.tables.columns import OVERFLOW_NAME

UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class UsageContext:
    """What all rows of one request share."""

    project_id: UUID
    received_at: datetime
    oldest: datetime
    newest: datetime
    overrides: Sequence[RateOverride]

    @classmethod
    def now(cls, project_id: UUID, settings: Settings, overrides: Sequence[RateOverride]) -> "UsageContext":
        now = CLOCK.now()
        oldest = now - timedelta(days=settings.usage_retention_days)
        return cls(project_id, now, oldest, now + timedelta(seconds=settings.clock_ahead_max_seconds), overrides)


def make_usage_row(sent: UsageIn, usage_context: UsageContext) -> UsageRow | Rejected:
    """The row of one record, or why there is none.

    A time that cannot be right is refused and not replaced, as that of an error is: it would put money into another
    period, at another price.
    """
    occurred_at = sent.occurred_at if sent.occurred_at.tzinfo else sent.occurred_at.replace(tzinfo=UTC)
    if not usage_context.oldest <= occurred_at <= usage_context.newest:
        span = f"{usage_context.oldest:%Y-%m-%d} to {usage_context.newest:%Y-%m-%d %H:%M} UTC"
        return Rejected("invalid_field", f"occurred_at: not in the time that is kept, {span}", "/occurred_at")
    try:
        provider, model = name_source(sent)
        reading = read_sent(sent, provider, model)
    except UsageUnreadable as error:
        return Rejected("invalid_field", f"usage: {error}", "/usage")
    except ValueError as error:
        return Rejected("invalid_field", str(error))
    if not model:
        return Rejected("missing_field", "model: neither the record nor its usage names one", "/model")
    if reserved := next((name for name in ("team", "agent") if getattr(sent, name) == OVERFLOW_NAME), None):
        return Rejected("invalid_field", f"{reserved}: {OVERFLOW_NAME} is what others are summed up as", f"/{reserved}")
    counts = reading.counts
    return price_row(
        UsageRow(
            project_id=usage_context.project_id,
            event_key=sent.event_key,
            occurred_at=occurred_at.astimezone(UTC),
            received_at=usage_context.received_at,
            team=sent.team,
            agent=sent.agent or "",
            provider=provider,
            model=model,
            sums_as=name_model(provider, model),
            processing=sent.processing or (reading.processing or Processing.standard).value,
            input_tokens=counts.input,
            cached_tokens=counts.cached,
            cache_write_tokens=counts.cache_write,
            cache_write_1h_tokens=counts.cache_write_1h,
            output_tokens=counts.output,
            reasoning_tokens=counts.reasoning,
            is_estimated=reading.is_estimated,
            reported_usd=reading.reported_usd if sent.cost_usd is None else sent.cost_usd,
            cost_usd=None,
            priced_by=UNPRICED,
            price_note="",
            deliverable=sent.deliverable,
            event_id=sent.event_id,
            pattern_id=sent.pattern_id,
            details=write_details(reading.extras, reading.told),
            run=sent.run,
            parent_run=sent.parent_run,
        ),
        usage_context.overrides,
    )


def read_sent(sent: UsageIn, provider: str, model: str) -> UsageReading:
    """The tokens in whichever form they were sent. Raises ValueError (UsageUnreadable) where they make no sense."""
    if sent.usage is not None:
        reading = read_usage(sent.usage, provider=provider, model=model)
        if reading.is_estimated:
            return split_reading(reading, provider, model, sent.occurred_at)
        return reading
    if sent.total_tokens is not None:
        return UsageReading(split_total(sent.total_tokens), is_estimated=True)
    return UsageReading(
        TokenCounts(
            input=sent.input_tokens or 0,
            output=sent.output_tokens or 0,
            cached=sent.cached_tokens or 0,
            cache_write=sent.cache_write_tokens or 0,
            reasoning=sent.reasoning_tokens or 0,
        )
    )


def split_reading(reading: UsageReading, provider: str, model: str, at: datetime) -> UsageReading:
    """A total alone: all of it is input where the model makes no output, as those for embeddings; else its split is
    assumed."""
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if makes_no_output(provider, model, at):
        return replace(reading, is_estimated=False)
    return replace(reading, counts=split_total(reading.counts.total))


def name_source(sent: UsageIn) -> tuple[str, str]:
    """Provider and model, of the record before those of its usage object. Raises UsageUnreadable."""
    if not sent.usage or (sent.provider and sent.model):
        return sent.provider or "", sent.model or ""
    provider, model = read_usage_names(sent.usage)
    return sent.provider or provider, sent.model or model


def price_row(row: UsageRow, overrides: Sequence[RateOverride]) -> UsageRow:
    """The row with its price: of an override, else what the provider reported, else of the catalog.

    A reported 0 for tokens is what gateways say of models that they do not know: it counts as not reported.
    """
    price = price_counts(row, overrides, row.counts, row.extras)
    if price.source != "override" and (row.reported_usd or (row.reported_usd == 0 and not row.counts.total)):
        return row._replace(cost_usd=row.reported_usd, priced_by="reported", price_note="")
    return set_price(row, price)


def price_counts(row: UsageRow, overrides: Sequence[RateOverride], counts: TokenCounts, extras: Extras | None) -> Price:
    """What counts cost at the rates of a record: those of its moment, seller, model and mode."""
    return price_tokens(
        counts,
        provider=row.provider,
        model=row.model,
        occurred_at=row.occurred_at,
        processing=row.processing,
        overrides=overrides,
        extras=extras,
    )


def set_price(row: UsageRow, price: Price) -> UsageRow:
    return row._replace(cost_usd=price.usd, priced_by=price.source, price_note=price.reason)


def name_usage_adjustments(row: UsageRow, adjustments: int) -> list[str]:
    """What the answer says of a stored record: how it was adjusted, estimated, unpriced and why."""
    said = [("estimated", row.is_estimated), (UNPRICED, row.priced_by == UNPRICED)]
    return [
        *(adjustment.name or "" for adjustment in Adjustment(adjustments)),
        *(word for word, holds in said if holds),
        *(row.price_note.split(",") if row.price_note else []),
        *(details.told if (details := row.known_details) else []),
    ]
