"""What a session or a task cost, with all that it started: the records of a run and of the runs below it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import text

from api.fields import FilterText, Money
from api.reads.catalogue import Asked, BuildContext, Read, seconds
from api.reads.forms import Table
from api.reads.parameters import FormQuery, some_of

DEPTH_MAX, RUNS_MAX = 16, 1_000

# The runs below a run, as far as records name them, and what each spent by itself. UNION ends circles: a run that was met at
# a depth is not met there again.
SUM_RUNS = text(
    """
    WITH RECURSIVE below (run, depth) AS (
        SELECT CAST(:run AS text), 0
        UNION
        SELECT u.run, b.depth + 1
        FROM below b JOIN usage_records u ON u.project_id = :project_id AND u.parent_run = b.run
        WHERE b.depth < :depth_max AND u.run IS NOT NULL
    ), runs AS (
        SELECT run, min(depth) AS depth FROM below GROUP BY run ORDER BY 2, 1 LIMIT :runs_max
    )
    SELECT r.run, r.depth, max(u.parent_run) AS parent_run, max(u.team) AS team, max(u.agent) AS agent,
           min(u.occurred_at) AS began_at, max(u.occurred_at) AS ended_at, count(*)::bigint AS records,
           sum(u.input_tokens + u.output_tokens)::bigint AS tokens, sum(u.cached_tokens)::bigint AS cached_tokens,
           coalesce(sum(u.input_tokens + u.output_tokens) FILTER (WHERE u.cost_usd IS NULL), 0)::bigint AS unpriced_tokens,
           coalesce(sum(u.cost_usd), 0) AS cost_usd
    FROM runs r JOIN usage_records u ON u.project_id = :project_id AND u.run = r.run
    GROUP BY r.run, r.depth ORDER BY r.depth, 7, 1
    """
)


class RunSum(BaseModel):
    """What one run spent by itself, without those that it started."""

    run: str = Field(description="As the records name it.")
    parent_run: str | None = Field(description="The run that started it; null where no record says.")
    depth: int = Field(description="0: the run that was asked for; 1: those that it started, and so on.")
    team: str = Field(description="Whose it is; of several teams the last by name.")
    agent: str = Field(description="Which agent it was; of several the last by name.")
    began_at: datetime = Field(description="Time of its first call.")
    ended_at: datetime = Field(description="Time of its last call.")
    records: int = Field(description="How many calls.")
    tokens: int = Field(description="Input and output together.")
    cached_tokens: int = Field(description="Input that came out of the provider's cache.")
    unpriced_tokens: int = Field(description="Tokens that are in no cost.")
    cost_usd: Money | None = Field(description="null where nothing has a price.")


class RunTree(BaseModel):
    """What a run spent, with all that it started. Records that are deleted are in it no more."""

    run: str = Field(description="That was asked for.")
    records: int = Field(description="Calls of all of its runs; 0 where no record names it.")
    tokens: int = Field(description="Of all of them.")
    unpriced_tokens: int = Field(description="Of all of them, in no cost.")
    cost_usd: Money | None = Field(description="Of all of them; null where nothing has a price.")
    runs: list[RunSum] = Field(description=f"The run and those below it, {DEPTH_MAX} deep and {RUNS_MAX} at most.")


RUNS = Table("runs", tuple(RunSum.model_fields), ("run", "parent_run", "agent", "tokens", "cost_usd"))


class RunQuery(FormQuery):
    """Which run is wanted."""

    fields: str | None = some_of(RUNS)
    run: FilterText = Field(description="As the records name it.")


async def build_run_tree(context: BuildContext, asked: Asked[RunQuery]) -> bytes:
    values = {
        "project_id": asked.project_id, "run": asked.params.run, "depth_max": DEPTH_MAX, "runs_max": RUNS_MAX,
    }  # fmt: skip
    async with context.looking_back(asked.project_id).connect() as connection:
        rows = [dict(row) for row in (await connection.execute(SUM_RUNS, values)).mappings()]
    return add_up(asked.params.run, rows).model_dump_json().encode()


def add_up(run: str, rows: Iterable[Mapping[str, Any]]) -> RunTree:
    """Each run, and the sum of all. Nothing priced is no cost, and not a cost of 0."""
    runs = [RunSum(**{**row, "cost_usd": hide(row["tokens"], row["unpriced_tokens"], row["cost_usd"])}) for row in rows]
    tokens, unpriced = sum(one.tokens for one in runs), sum(one.unpriced_tokens for one in runs)
    usd = sum((one.cost_usd for one in runs if one.cost_usd is not None), Decimal(0))
    return RunTree(
        run=run,
        records=sum(one.records for one in runs),
        tokens=tokens,
        unpriced_tokens=unpriced,
        cost_usd=hide(tokens, unpriced, usd),
        runs=runs,
    )


def hide(tokens: int, unpriced: int, usd: Decimal) -> Decimal | None:
    return None if tokens and tokens == unpriced else usd


RUN_TREE = Read(
    operation="get_usage_run",
    path="/api/usage/runs",
    tags=("usage",),
    summary="What a session or a task cost",
    description="The sum over a run and the runs that it started, by `run` and `parent_run` of the records, and each of them"
    " by itself. Every acknowledged record is in it.",
    params=RunQuery,
    answer=RunTree,
    table=RUNS,
    build=build_run_tree,
    max_age_seconds=seconds(0),
)
