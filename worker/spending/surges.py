"""Finds teams, agents and models that far more is spent on now than their past lets one expect, by the test of trends.

The test counts; what it counts here are cents, so that spending which differs much by itself is known to (docs/trends.md). Tokens
without a price are in none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, get_args
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.alerts.changes import Spender
from common.database.clock import ask_time
from common.tables.columns import OVERFLOW_NAME
from common.transitions import note_transitions
from worker.alerts.conditions import Holding, turn
from worker.rounds import Progress
from worker.trends.scores import HISTORY_HOURS, HOUR, Activity, Score, score_trends

QUARTER = timedelta(minutes=15)  # what sums are kept by
LEAST_CENTS = 100  # less in a window is told by nothing

# The projects that spent something lately, and those of which it is known that they spend more than usual.
PROJECTS_SPENDING = text("""
    SELECT project_id FROM projects p
    WHERE EXISTS (SELECT FROM usage_rollups r WHERE r.project_id = p.project_id AND r.minutes = 15
                  AND r.bucket >= now() - interval '7 hours')
       OR EXISTS (SELECT FROM conditions c WHERE c.project_id = p.project_id AND c.name = 'spend')
""")
# What was spent by each team, by each agent and on each model in the hours since the first one, and in the windows before now.
LIST_SPENT = text("""
    WITH hours AS (
        SELECT date_trunc('hour', bucket, 'UTC') AS hour, team, agent, model, grouping(team, agent, model) AS set,
               100 * sum(cost_usd) AS cents,
               100 * coalesce(sum(cost_usd) FILTER (WHERE bucket >= :one_hour), 0) AS last_hour,
               100 * coalesce(sum(cost_usd) FILTER (WHERE bucket >= :six_hours), 0) AS last_six_hours
        FROM usage_rollups
        WHERE project_id = :project_id AND minutes = 15 AND bucket >= :first_hour AND bucket <= :now
        GROUP BY GROUPING SETS ((1, team), (1, agent), (1, model))
    )
    SELECT CASE set WHEN 3 THEN 'team' WHEN 5 THEN 'agent' ELSE 'model' END AS subject, coalesce(team, agent, model) AS name,
           array_agg(hour ORDER BY hour) AS hours, array_agg(cents ORDER BY hour) AS cents,
           sum(last_hour) AS last_hour, sum(last_six_hours) AS last_six_hours
    FROM hours GROUP BY set, team, agent, model
""")


@dataclass(frozen=True, slots=True)
class SpenderKey:
    """A team, an agent or a model."""

    subject: Spender
    name: str


async def list_spending(engine: AsyncEngine) -> Sequence[UUID]:
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS_SPENDING)).all()


async def note_surges(engine: AsyncEngine, project_id: UUID) -> Progress:
    """Note on what far more is spent than usual, and on what no more; how many do now (`surges`)."""
    async with engine.begin() as connection:
        now = await ask_time(connection)
        this_quarter = now - timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
        this_hour = this_quarter - timedelta(minutes=this_quarter.minute)
        first_hour = this_hour - (HISTORY_HOURS - 1) * HOUR
        asked = {
            "project_id": project_id, "now": now, "first_hour": first_hour,
            "one_hour": this_quarter - HOUR + QUARTER, "six_hours": this_quarter - 6 * HOUR + QUARTER,
        }  # fmt: skip
        spent = {
            SpenderKey(row.subject, row.name): read_activity(row, this_hour)
            for row in await connection.execute(LIST_SPENT, asked)
            if row.name not in ("", OVERFLOW_NAME)
        }
        surges = find_surges(spent, now)
        noted = []
        for subject in get_args(Spender):
            holding = {
                uuid5(project_id, f"spend {subject} {key.name}"): Holding("spend", facts=describe(key, score))
                for key, score in surges.items()
                if key.subject == subject
            }
            noted += await turn(connection, project_id, subject, "spend", holding)
        await note_transitions(connection, project_id, noted)
    return Progress({"surges": len(surges)})


def read_activity(row: Any, this_hour: datetime) -> Activity:
    """Whole cents by hour, from the first hour with any to this one, silent ones as 0."""
    first = row.hours[0]
    hourly = [0] * (int((this_hour - first) / HOUR) + 1)
    for hour, cents in zip(row.hours, row.cents, strict=True):
        hourly[int((hour - first) / HOUR)] = to_whole(cents)
    return Activity(hourly, to_whole(row.last_hour), to_whole(row.last_six_hours), first, this_hour)


def to_whole(cents: Decimal) -> int:
    return int(cents.to_integral_value(ROUND_HALF_EVEN))


def find_surges(spent: Mapping[SpenderKey, Activity], now: datetime) -> dict[SpenderKey, Score]:
    """Those of which the trend's test says that they spike or rise, and on which at least a dollar was spent in its window."""
    return {
        key: score
        for key, score in score_trends(spent, now).items()
        if score.trend in ("spiking", "rising") and (score.count or 0) >= LEAST_CENTS
    }


def describe(key: SpenderKey, score: Score) -> Mapping[str, Any]:
    return {
        "title": f"{key.subject} {key.name} spends far more than usual",
        "scope": key.subject,
        "scope_value": key.name,
        "metric": "usd",
        "window": score.window,
        "observed": f"{(score.count or 0) / 100:.2f}",
        "expected": f"{(score.expected or 0) / 100:.2f}",
        "factor": round(score.ratio or 0.0, 2),
    }
