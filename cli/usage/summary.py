"""What an import found: tokens and cost by team, day and model, what it is unsure of, and what could not be read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from api.ingest.receivers.items import Rejected
from api.spending.usage_rows import name_usage_adjustments
from api.storing.rows import UsageRow
from cli.usage.sources import Place

REASONS_MAX = 20
SEEN_MAX = 1_000_000  # keys that are known again; 64 bits of each are held
SUMS_MAX = 50_000


@dataclass(slots=True)
class UsageSums:
    """What some calls took. `usd` is by the catalog, without a project's own rates; unpriced tokens are not in it."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    unpriced_tokens: int = 0
    usd: Decimal = Decimal(0)

    def add(self, row: UsageRow) -> None:
        self.calls += 1
        self.input_tokens += row.input_tokens
        self.cached_tokens += row.cached_tokens
        self.cache_write_tokens += row.cache_write_tokens
        self.output_tokens += row.output_tokens
        self.unpriced_tokens += row.input_tokens + row.output_tokens if row.cost_usd is None else 0
        self.usd += row.cost_usd or 0


@dataclass(slots=True)
class ImportSummary:
    """Counts what is read and what the server says of it. A call that is in several files is summed up once."""

    sums: dict[tuple[str, str, str], UsageSums] = field(default_factory=dict)
    total: UsageSums = field(default_factory=UsageSums)
    unread: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set)
    files: int = 0
    records: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    undelivered: int = 0

    def add(self, row: UsageRow) -> None:
        """A record, as it will be stored."""
        key = hash(row.event_key)
        if key in self.seen:
            return
        if len(self.seen) < SEEN_MAX:
            self.seen.add(key)
        place = (row.team, f"{row.occurred_at:%Y-%m-%d}", row.sums_as)
        if place not in self.sums and len(self.sums) >= SUMS_MAX:
            place = (row.team, "later", "others")
        self.sums.setdefault(place, UsageSums()).add(row)
        self.total.add(row)
        self.told.update(name_usage_adjustments(row, 0))

    def note_unread(self, place: Place, reason: str) -> None:
        """Something that could not be read; a reason is told once, with its first place."""
        if reason not in self.first and len(self.first) >= REASONS_MAX:
            reason = "for other reasons"
        self.unread[reason] += 1
        self.first.setdefault(reason, f"{place.name}:{place.number}" if place.number else place.name)

    def note_rejected(self, place: Place, rejected: Rejected) -> None:
        self.note_unread(place, rejected.detail)

    @property
    def is_whole(self) -> bool:
        """Whether all that was there was read and stored."""
        return not (self.unread or self.rejected or self.undelivered)

    def rows(self) -> Iterable[tuple[str, str, str, UsageSums]]:
        """By team, day and model."""
        return ((*place, sums) for place, sums in sorted(self.sums.items()))
