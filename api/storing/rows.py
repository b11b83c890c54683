"""What is written: one row of `errors`, one of `usage_records`. Whoever takes errors or usage in makes these. Pure."""

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from api.storing.usage_details import UsageDetails, read_details
from common.pricing import Extras, TokenCounts

ROW_OVERHEAD_BYTES = 400  # that a row takes in memory beside its long texts, roughly
USAGE_ROW_BYTES = 600
NAMES_ENTRIES = 4_096  # the names of one service's errors repeat; at most 1,000 characters each


class LookBack(NamedTuple):
    """The days, from the first to the last, on which an error may be stored already."""

    first: date
    last: date
    ahead: date | None = None  # its own day, which has not come: noted, so that it is looked for when it has


class ErrorRow(NamedTuple):
    """One row of `errors`, in the order of the writer's statement; `look_back` is not stored."""

    project_id: UUID
    day: date
    event_id: UUID
    occurred_at: datetime
    received_at: datetime
    fingerprint: int
    severity: int
    adjustments: int
    redactions: int
    service: str
    environment: str | None
    release: str | None
    error_type: str | None
    client_fingerprint: str | None
    message: str
    stack_trace: str | None
    context: str | None
    tags: str | None
    look_back: LookBack | None  # where it may be stored already; None for nearly all

    @property
    def name(self) -> str:
        """As the log calls it."""
        return str(self.event_id)

    @property
    def size_bytes(self) -> int:
        """Roughly what the row takes in memory."""
        others = len(self.stack_trace or "") + len(self.context or "") + len(self.tags or "")
        return ROW_OVERHEAD_BYTES + len(self.message) + others


class UsageRow(NamedTuple):
    """One row of `usage_records`, in the order of the writer's statement."""

    project_id: UUID
    event_key: str
    occurred_at: datetime
    received_at: datetime
    team: str
    agent: str
    provider: str
    model: str
    sums_as: str
    processing: str
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    output_tokens: int
    reasoning_tokens: int
    is_estimated: bool
    reported_usd: Decimal | None
    cost_usd: Decimal | None
    priced_by: str
    price_note: str
    deliverable: str | None
    event_id: UUID | None
    pattern_id: UUID | None
    sums_team: str | None = None
    sums_agent: str | None = None
    details: str | None = None  # see `usage_details`; None for most
    run: str | None = None
    parent_run: str | None = None

    @property
    def name(self) -> str:
        """As the log calls it."""
        return self.event_key

    @property
    def size_bytes(self) -> int:
        """Roughly what the row takes in memory."""
        return USAGE_ROW_BYTES

    @property
    def counts(self) -> TokenCounts:
        return TokenCounts(
            input=self.input_tokens,
            output=self.output_tokens,
            cached=self.cached_tokens,
            cache_write=self.cache_write_tokens,
            cache_write_1h=self.cache_write_1h_tokens,
            reasoning=self.reasoning_tokens,
        )

    @property
    def known_details(self) -> UsageDetails | None:
        """What the price depends on beyond the counts, and what was not understood."""
        return None if self.details is None else read_details(self.details)

    @property
    def extras(self) -> Extras | None:
        """What the price depends on beyond the counts; None where there is nothing."""
        return details.extras if (details := self.known_details) else None

    @property
    def is_tied_to_an_error(self) -> bool:
        """Whether a pattern's answer will show it."""
        return self.event_id is not None or self.pattern_id is not None
