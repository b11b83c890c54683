"""What the providers' caches saved, and the most that they could still save, by what records can say."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, Field

from api.fields import Instant, Money
from api.reads.catalogue import Asked, BuildContext, Read, seconds
from api.reads.forms import Table
from api.reads.parameters import some_of
from api.spending.overrides import list_overrides
from api.spending.record_spans import REQUEST_SHARE, GroupWord, RecordSpan, RecordsQuery, group_of
from api.spending.usage_rows import price_counts
from api.spending.usage_summary import MOST_LISTED, find_days
from api.storing.rows import UsageRow
from common.pricing import Extras, Price, RateOverride, TokenCounts
from common.pricing.caching import measure_caching, measure_more_reads

LIFETIME = timedelta(minutes=5)  # the shortest of those that providers keep a prefix for
LEAST_PREFIX_TOKENS = 1_024  # the shortest that they cache
MOST_RUNS = 10_000  # followed at once


class CacheSum(BaseModel):
    """What caching was worth in some calls, at the rates of each. Calls without a price are in no USD."""

    key: str = Field(description="Name of the model, team or agent; empty for all of them.")
    records: int = Field(description="How many calls.")
    input_tokens: int = Field(description="Cached and written ones included.")
    cached_tokens: int = Field(description="Input that came out of the cache.")
    cache_write_tokens: int = Field(description="Input that was written into it.")
    hit_percent: float = Field(description="Share of the input that came out of the cache.")
    unpriced_tokens: int = Field(description="Tokens of calls that have no price at their rates.")
    cost_usd: Money = Field(description="At the rates of the catalog and your overrides.")
    uncached_usd: Money = Field(description="What the same tokens would have cost without a cache.")
    reads_saved_usd: Money = Field(description="What cached input would have cost more as plain input.")
    writes_added_usd: Money = Field(description="What written input cost more than plain input.")
    saved_usd: Money = Field(description="Reads less writes; below 0 caching cost more than it saved.")
    repeated_tokens_at_most: int = Field(
        description="Input that was not cached, and may be what the call before of the same run, agent and model had sent."
    )
    could_save_usd_at_most: Money = Field(description="What these would have cost less out of the cache.")
    untold_tokens: int = Field(description="Input that was not cached, of calls that name no run: nobody knows.")


class CacheSavings(BaseModel):
    """What caching saved from one UTC day to another, and could still save."""

    since: date = Field(description="First UTC day.")
    until: date = Field(description="The UTC day after the last one.")
    total: CacheSum = Field(description="Of all.")
    groups: list[CacheSum] = Field(description=f"Most input first, {MOST_LISTED} at most.")
    done_until: Instant | None = Field(
        description="null when all was looked at; else time ran out, and later records are in nothing: ask for fewer days."
    )


GROUPS = Table("groups", tuple(CacheSum.model_fields), ("key", "records", "hit_percent", "saved_usd", "cost_usd"))


class CachingQuery(RecordsQuery):
    """Which calls are looked at."""

    fields: str | None = some_of(GROUPS)


@dataclass(slots=True)
class Sum:
    """What is added up; the fields of CacheSum that do not follow from others."""

    records: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    unpriced_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    reads_saved_usd: Decimal = Decimal(0)
    writes_added_usd: Decimal = Decimal(0)
    repeated_tokens_at_most: int = 0
    could_save_usd_at_most: Decimal = Decimal(0)
    untold_tokens: int = 0

    def add(self, other: "Sum") -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Runs:
    """The latest call of each run, agent and model, as long as a provider would remember its input."""

    last: dict[tuple[str, str, str], tuple[datetime, int]] = field(default_factory=dict)

    def count_repeated(self, row: UsageRow) -> int:
        """How much of a call's input was not cached and may be that of the call before it. Calls come in the order of time.

        A run sends what it has sent before and adds to it: no more than the shorter of the two inputs can be the same.
        """
        key = (row.run or "", row.agent, row.sums_as)
        at, before = self.last.pop(key, (row.occurred_at, 0))
        self.last[key] = (row.occurred_at, row.input_tokens)
        while len(self.last) > MOST_RUNS or row.occurred_at - next(iter(self.last.values()))[0] > LIFETIME:
            del self.last[next(iter(self.last))]
        same = min(before, row.input_tokens)
        if row.occurred_at - at > LIFETIME or same < LEAST_PREFIX_TOKENS:
            return 0
        return max(0, same - row.cached_tokens)


async def build_cache_savings(context: BuildContext, asked: Asked[CachingQuery]) -> bytes:
    """Raises Invalid."""
    query, engine = asked.params, context.looking_back(asked.project_id)
    days = find_days(query.since, query.until)
    span, runs, groups = RecordSpan(asked.project_id, query, days), Runs(), dict[str, Sum]()
    async with engine.connect() as connection:
        overrides = await list_overrides(connection, asked.project_id)
    async for rows in span.read(engine, context.settings.request_seconds * REQUEST_SHARE):
        add_rows(groups, rows, runs, overrides, query.by)
    return describe(days, groups, span.done_until).model_dump_json().encode()


def add_rows(
    groups: dict[str, Sum], rows: Sequence[UsageRow], runs: Runs, overrides: Sequence[RateOverride], by: GroupWord
) -> None:
    added: dict[str, Sum] = defaultdict(Sum)
    for row in rows:
        added[group_of(row, by)].add(weigh(row, runs, overrides))
    for key, one in added.items():
        groups.setdefault(key, Sum()).add(one)


def weigh(row: UsageRow, runs: Runs, overrides: Sequence[RateOverride]) -> Sum:
    """What one call says. One that is several (passes, the sum of an export) tells nothing of what it repeated."""
    counts, extras = row.counts, row.extras

    def ask(some: TokenCounts, beside: Extras | None) -> Price:
        return price_counts(row, overrides, some, beside)

    one = Sum(1, counts.input, counts.cached, counts.cache_write)
    worth = measure_caching(counts, extras, ask)
    if worth is None:
        one.unpriced_tokens = counts.total
    else:
        one.cost_usd, one.reads_saved_usd, one.writes_added_usd = (
            worth.cost_usd, worth.reads_saved_usd, worth.writes_added_usd,
        )  # fmt: skip
    if not row.run or (extras and (extras.passes or extras.calls != 1)):
        one.untold_tokens = counts.input - counts.cached
    elif repeated := runs.count_repeated(row):
        one.repeated_tokens_at_most = repeated
        one.could_save_usd_at_most = measure_more_reads(counts, extras, repeated, ask)
    return one


def describe(days: tuple[date, date], groups: dict[str, Sum], done_until: datetime | None) -> CacheSavings:
    total = Sum()
    for one in groups.values():
        total.add(one)
    most = sorted(groups.items(), key=lambda one: (-one[1].input_tokens, one[0]))[:MOST_LISTED]
    return CacheSavings(
        since=days[0],
        until=days[1],
        total=describe_sum("", total),
        groups=[describe_sum(key, one) for key, one in most],
        done_until=done_until,
    )


def describe_sum(key: str, one: Sum) -> CacheSum:
    saved = one.reads_saved_usd - one.writes_added_usd
    return CacheSum(
        key=key,
        hit_percent=100 * one.cached_tokens / one.input_tokens if one.input_tokens else 0.0,
        uncached_usd=one.cost_usd + saved,
        saved_usd=saved,
        **{name: getattr(one, name) for name in Sum.__dataclass_fields__},
    )


CACHE_SAVINGS = Read(
    operation="get_cache_savings",
    path="/api/costs/caching",
    tags=("costs",),
    summary="What caching saved, and could save",
    description="The recorded calls against the same tokens without a cache, the surcharge of writes counted; and the most that"
    " input which a run repeated, and which was not cached, could have cost less.",
    params=CachingQuery,
    answer=CacheSavings,
    table=GROUPS,
    build=build_cache_savings,
    max_age_seconds=seconds(0),
)
