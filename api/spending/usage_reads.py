"""What was spent by day, team and model, and the rates that a project set: the answers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text

from api.fields import Day, FilterText, Money
from api.http.problems import Invalid
from api.reads.catalogue import Asked, BuildContext
from api.reads.cursors import CursorInvalid, decode, encode, read_day
from api.reads.forms import Table
from api.reads.parameters import FormQuery, some_of
from api.spending.overrides import LIST_OVERRIDES, ask_overrides
from common.database.clock import CLOCK
from common.pricing import name_model

DEFAULT_DAYS = 31

# The sums of UTC days by team and model after a place, newest day first.
SUM_DAYS = text(
    """
    SELECT (bucket AT TIME ZONE 'UTC')::date AS day, team, model, sum(records)::bigint AS records,
           sum(input_tokens)::bigint AS input_tokens, sum(cached_tokens)::bigint AS cached_tokens,
           sum(cache_write_tokens)::bigint AS cache_write_tokens, sum(output_tokens)::bigint AS output_tokens,
           sum(reasoning_tokens)::bigint AS reasoning_tokens, sum(untied_tokens)::bigint AS untied_tokens,
           sum(estimated_tokens)::bigint AS estimated_tokens, sum(unpriced_tokens)::bigint AS unpriced_tokens,
           sum(cost_usd) AS cost_usd
    FROM usage_rollups
    WHERE project_id = :project_id AND minutes = 1440 AND bucket >= :since AND bucket < :until
      AND (CAST(:team AS text) IS NULL OR team = :team) AND (CAST(:model AS text) IS NULL OR model = :model)
      AND (CAST(:after_day AS timestamptz) IS NULL OR bucket < :after_day
           OR (bucket = :after_day AND (team, model) > (:after_team, :after_model)))
    GROUP BY bucket, team, model ORDER BY bucket DESC, team, model LIMIT :limit
    """
)


class UsageSum(BaseModel):
    """What a team spent on a model in a UTC day. The cost leaves out the unpriced tokens."""

    day: date = Field(description="UTC.")
    team: str = Field(description="As the records name it; `(overflow)` for those beyond what a project may have.")
    model: str = Field(description="The catalog's name: all spellings are in it.")
    records: int = Field(description="How many calls.")
    input_tokens: int = Field(description="Cached and written ones included.")
    cached_tokens: int = Field(description="Input that came out of the provider's cache.")
    cache_write_tokens: int = Field(description="Input that was written into it.")
    output_tokens: int = Field(description="Reasoning included.")
    reasoning_tokens: int = Field(description="Output that was reasoning.")
    untied_tokens: int = Field(description="Tokens that are tied to no deliverable.")
    estimated_tokens: int = Field(description="Tokens whose split was assumed.")
    unpriced_tokens: int = Field(description="Tokens that are in no cost.")
    cost_usd: Money | None = Field(description="null where nothing has a price.")


class UsagePage(BaseModel):
    """Some sums, newest day first, and where to go on."""

    sums: list[UsageSum] = Field(description="Newest day first, then by team and model.")
    next: str | None = Field(description="Give it as `cursor` for the sums after these; null at the end.")


class OverrideOut(BaseModel):
    """Rates that the project set, USD per million tokens; null where nothing was set."""

    id: UUID = Field(description="Of the override.")
    model: str = Field(description="As it was set: a name of the catalog stands for all its spellings.")
    provider: str | None = Field(description="null: any.")
    processing: str = Field(description="How the calls were processed, as in usage records.")
    input: Money = Field(description="Of plain input.")
    output: Money = Field(description="Of output, reasoning included.")
    cached: Money | None = Field(description="Of input out of the cache; null: as plain input.")
    cache_write: Money | None = Field(description="Of input that is written into the cache; null: as plain input.")
    cache_write_1h: Money | None = Field(
        description="Of such input that is kept for an hour; null: as other written input."
    )
    starts_at: datetime = Field(description="From when on it counts.")
    ends_at: datetime | None = Field(description="null: for good.")
    made_at: datetime = Field(description="When it was set: of two for the same moment the later one counts.")
    made_by: str = Field(description="Id of the key.")


class OverridePage(BaseModel):
    """Some overrides in the order in which they were set, and where to go on."""

    overrides: list[OverrideOut] = Field(description="In the order in which they were set.")
    next: UUID | None = Field(description="Give it as `cursor` for those after these; null at the end.")


USAGE = Table(
    "sums", tuple(UsageSum.model_fields), ("day", "team", "model", "input_tokens", "output_tokens", "cost_usd")
)
OVERRIDES = Table("overrides", tuple(OverrideOut.model_fields), ("model", "provider", "input", "output", "starts_at"))


class UsageQuery(FormQuery):
    """Which sums are wanted."""

    fields: str | None = some_of(USAGE)
    since: Day | None = Field(None, description="First UTC day; 31 days before `until` if not said.")
    until: Day | None = Field(None, description="The UTC day after the last one; the end of today if not said.")
    team: FilterText | None = Field(None, description="Of this team only.")
    model: FilterText | None = Field(None, description="In any spelling.")
    limit: int = Field(200, ge=1, le=1_000, description="How many sums at most.")
    cursor: str | None = Field(None, max_length=2_000, description="`next` of the page before.")


class OverridesQuery(FormQuery):
    """Which overrides are wanted."""

    fields: str | None = some_of(OVERRIDES)
    limit: int = Field(100, ge=1, le=200, description="How many at most.")
    cursor: UUID | None = Field(None, description="`next` of the page before.")


async def build_usage_page(context: BuildContext, asked: Asked[UsageQuery]) -> bytes:
    """Raises Invalid."""
    rows = await read_rows(context, SUM_DAYS, ask_days(asked.project_id, asked.params))
    page = [UsageSum.model_validate(hide_unknown_cost(row)) for row in rows[: asked.params.limit]]
    after = write_place(page[-1]) if len(rows) > asked.params.limit else None
    return UsagePage(sums=page, next=after).model_dump_json().encode()


async def build_override_page(context: BuildContext, asked: Asked[OverridesQuery]) -> bytes:
    limit = asked.params.limit
    rows = await read_rows(context, LIST_OVERRIDES, ask_overrides(asked.project_id, asked.params.cursor, limit + 1))
    page = [OverrideOut.model_validate(row) for row in rows[:limit]]
    return OverridePage(overrides=page, next=page[-1].id if len(rows) > limit else None).model_dump_json().encode()


async def read_rows(context: BuildContext, statement: Any, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    async with context.reading(values["project_id"]).connect() as connection:
        return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


def ask_days(project_id: UUID, query: UsageQuery) -> dict[str, Any]:
    """The parameters of SUM_DAYS, for one row more than a page. Raises Invalid."""
    today = CLOCK.now().date()
    until = query.until or today + timedelta(days=1)
    since = query.since or date.fromordinal(max(1, until.toordinal() - DEFAULT_DAYS))
    place = read_place(query.cursor) if query.cursor else (None, "", "")
    return {
        "project_id": project_id,
        "since": at_midnight(since),
        "until": at_midnight(until),
        "team": query.team,
        "model": None if query.model is None else name_model("", query.model),
        "after_day": place[0],
        "after_team": place[1],
        "after_model": place[2],
        "limit": query.limit + 1,
    }


def at_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def hide_unknown_cost(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing priced is no cost, and not a cost of 0."""
    tokens = row["input_tokens"] + row["output_tokens"]
    return {**row, "cost_usd": None} if tokens and row["unpriced_tokens"] == tokens else row


def write_place(last: UsageSum) -> str:
    return encode(last.day.isoformat(), last.team, last.model)


def read_place(cursor: str) -> tuple[datetime, str, str]:
    """Day, team and model of the last sum of a page. Raises Invalid."""
    try:
        day, team, model = decode(cursor, 3)
        return at_midnight(read_day(day)), team, model
    except CursorInvalid as error:
        raise Invalid(f"cursor: {error}") from error
