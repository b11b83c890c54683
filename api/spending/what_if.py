"""What recorded calls would have cost on another model, at another provider or in another mode. Nothing is changed."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, Field

from api.fields import FilterText, Instant, Money, ProcessingName
from api.http.problems import Invalid
from api.reads.catalogue import Asked, BuildContext, Read, seconds
from api.reads.forms import Table
from api.reads.parameters import some_of
from api.spending.overrides import list_overrides
from api.spending.record_spans import REQUEST_SHARE, GroupWord, RecordSpan, RecordsQuery, group_of
from api.spending.usage_summary import MOST_LISTED, find_days
from api.storing.rows import UsageRow
from common.pricing import Processing, RateOverride
from common.pricing.supposing import Elsewhere, Supposed, suppose_price

WAS_UNPRICED = "was_unpriced"


class SupposedSum(BaseModel):
    """What some calls cost and would have cost; those without a price on either side are in neither."""

    key: str = Field(description="Name of the model, team or agent; empty for all of them.")
    records: int = Field(description="Calls that are compared.")
    tokens: int = Field(description="Input and output of them, as they were spent.")
    recorded_usd: Money = Field(description="What they cost, as recorded.")
    supposed_usd: Money = Field(description="What the same tokens would have cost.")
    difference_usd: Money = Field(description="Supposed less recorded: below 0 it would have been cheaper.")


class NotCompared(BaseModel):
    """Calls that are in no sum, for one reason."""

    reason: str = Field(
        description="was_unpriced: the record has no price. provider_unknown, model_unknown, rate_missing, rate_zero: it would"
        " have none there."
    )
    records: int = Field(description="How many calls.")
    tokens: int = Field(description="Input and output of them.")
    recorded_usd: Money = Field(description="What they cost, as recorded.")


class Doubt(BaseModel):
    """What is not sure about the supposed price of some calls."""

    word: str = Field(
        description="Such as cached_as_input: the other model has no rate for cached input, so it costs what input does."
    )
    records: int = Field(description="Of how many of the compared calls it is so.")


class WhatIf(BaseModel):
    """Recorded calls as they were, and priced elsewhere."""

    since: date = Field(description="First UTC day.")
    until: date = Field(description="The UTC day after the last one.")
    to_model: str | None = Field(description="As asked; null: the same.")
    to_provider: str | None = Field(description="As asked; null: the same, or the maker of `to_model`.")
    to_processing: str | None = Field(description="As asked; null: the same.")
    total: SupposedSum = Field(description="Of all that are compared.")
    groups: list[SupposedSum] = Field(description=f"Most expensive first, {MOST_LISTED} at most.")
    not_compared: list[NotCompared] = Field(description="What is in no sum, by the reason.")
    doubts: list[Doubt] = Field(description="What is not sure about the supposed prices.")
    done_until: Instant | None = Field(
        description="null when all was looked at; else time ran out, and later records are in nothing: ask for fewer days."
    )


GROUPS = Table("groups", tuple(SupposedSum.model_fields), ("key", "records", "recorded_usd", "supposed_usd"))


class WhatIfQuery(RecordsQuery):
    """Which calls, and where they would have gone: at least one of the three."""

    fields: str | None = some_of(GROUPS)
    to_model: FilterText | None = Field(
        None, description="In any spelling; sold by its maker unless `to_provider` says."
    )
    to_provider: FilterText | None = Field(None, description="Who sells it, such as aws.")
    to_processing: ProcessingName | None = Field(None, description="standard, batch, flex, priority or fast.")


@dataclass(slots=True)
class Sum:
    """Calls, tokens, and USD as recorded and supposed."""

    records: int = 0
    tokens: int = 0
    recorded_usd: Decimal = Decimal(0)
    supposed_usd: Decimal = Decimal(0)

    def add(self, row: UsageRow, usd: Decimal | None) -> None:
        self.records += 1
        self.tokens += row.counts.total
        self.recorded_usd += row.cost_usd or 0
        self.supposed_usd += usd or 0


@dataclass(slots=True)
class Comparison:
    """All that is said of the calls that were looked at."""

    by: GroupWord
    total: Sum = field(default_factory=Sum)
    groups: dict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    not_compared: dict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    doubts: Counter[str] = field(default_factory=Counter)

    def add(self, row: UsageRow, supposed: Supposed) -> None:
        usd = supposed.price.usd
        if row.cost_usd is None or usd is None:
            self.not_compared[supposed.price.reason if usd is None else WAS_UNPRICED].add(row, usd)
            return
        self.total.add(row, usd)
        self.groups[group_of(row, self.by)].add(row, usd)
        self.doubts.update(supposed.doubts)


async def build_what_if(context: BuildContext, asked: Asked[WhatIfQuery]) -> bytes:
    """Raises Invalid."""
    query, engine = asked.params, context.looking_back(asked.project_id)
    if not (query.to_model or query.to_provider or query.to_processing):
        raise Invalid("name at least one of to_model, to_provider and to_processing")
    days = find_days(query.since, query.until)
    span, found, elsewhere = RecordSpan(asked.project_id, query, days), Comparison(query.by), read_elsewhere(query)
    async with engine.connect() as connection:
        overrides = await list_overrides(connection, asked.project_id)
    async for rows in span.read(engine, context.settings.request_seconds * REQUEST_SHARE):
        for row in rows:
            found.add(row, suppose_row(row, elsewhere, overrides))
    return describe(query, days, found, span.done_until).model_dump_json().encode()


def read_elsewhere(query: WhatIfQuery) -> Elsewhere:
    mode = Processing(query.to_processing) if query.to_processing else None
    return Elsewhere(query.to_model or "", query.to_provider or "", mode)


def suppose_row(row: UsageRow, elsewhere: Elsewhere, overrides: Sequence[RateOverride]) -> Supposed:
    return suppose_price(
        row.counts,
        row.extras,
        elsewhere,
        provider=row.provider,
        model=row.model,
        processing=row.processing,
        occurred_at=row.occurred_at,
        overrides=overrides,
    )


def describe(query: WhatIfQuery, days: tuple[date, date], found: Comparison, done_until: datetime | None) -> WhatIf:
    groups = sorted(found.groups.items(), key=lambda one: (-one[1].recorded_usd, one[0]))[:MOST_LISTED]
    return WhatIf(
        since=days[0],
        until=days[1],
        to_model=query.to_model,
        to_provider=query.to_provider,
        to_processing=query.to_processing,
        total=describe_sum("", found.total),
        groups=[describe_sum(key, one) for key, one in groups],
        not_compared=[
            NotCompared(reason=reason, records=one.records, tokens=one.tokens, recorded_usd=one.recorded_usd)
            for reason, one in sorted(found.not_compared.items())
        ],
        doubts=[Doubt(word=word, records=records) for word, records in found.doubts.most_common()],
        done_until=done_until,
    )


def describe_sum(key: str, one: Sum) -> SupposedSum:
    return SupposedSum(
        key=key,
        records=one.records,
        tokens=one.tokens,
        recorded_usd=one.recorded_usd,
        supposed_usd=one.supposed_usd,
        difference_usd=one.supposed_usd - one.recorded_usd,
    )


WHAT_IF = Read(
    operation="get_what_if",
    path="/api/costs/what-if",
    tags=("costs",),
    summary="What calls would have cost elsewhere",
    description="The recorded tokens at the rates of another model, provider or mode, each at its own moment, by the catalog and"
    " your overrides; nothing is changed. What cannot be compared is told with its reason.",
    params=WhatIfQuery,
    answer=WhatIf,
    table=GROUPS,
    build=build_what_if,
    max_age_seconds=seconds(0),
)
