"""Budgets over time: which thresholds were crossed, where the period will end, and how wrong that was.

The only writer of `crossings` and `projections`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.budgets import list_crossed
from common.budgets.periods import Period, local_day, share_elapsed, span_period
from common.budgets.spend import BUDGET_COLUMNS, Budget, Spend, sum_by_day, sum_spend
from common.budgets.status import name_level
from common.database.clock import ask_time
from common.pricing import to_micro_usd
from common.telemetry import metrics
from worker.jobs import Tools
from worker.projection import Projection, SpendPeriod, project_spend

log = structlog.get_logger()

HISTORY_DAYS = 120
PROJECT_EVERY = timedelta(hours=1)
LATE = timedelta(days=1)  # records may come so long after their period before it is closed
MICRO = Decimal(1_000_000)

# Every budget of every project.
LIST_BUDGETS = text(f"SELECT {BUDGET_COLUMNS} FROM budgets ORDER BY project_id, budget_id")  # noqa: S608
# Note a crossing, once for each period and threshold, whoever sees it first; again when the limit was raised since.
RECORD_CROSSING = text(
    """
    INSERT INTO crossings (project_id, budget_id, period_start, threshold, crossed_at, level, used, amount)
    VALUES (:project_id, :budget_id, :period_start, :threshold, now(), :level, :used, :amount)
    ON CONFLICT (project_id, budget_id, period_start, threshold) DO UPDATE
    SET crossed_at = now(), level = EXCLUDED.level, used = EXCLUDED.used, amount = EXCLUDED.amount
    WHERE crossings.amount < EXCLUDED.amount
    RETURNING threshold
    """
)
# When a budget was projected last.
LAST_PROJECTION = text("SELECT max(made_at) FROM projections WHERE project_id = :project_id AND budget_id = :budget_id")
# Keep a projection, also one without a number.
RECORD_PROJECTION = text(
    """
    INSERT INTO projections (project_id, budget_id, period_start, made_at, day_number, method, complete_days, spent,
                             amount, projected, low, high, breach_chance, exhausted_on, confidence, doubts)
    VALUES (:project_id, :budget_id, :period_start, :made_at, :day_number, :method, :complete_days, :spent,
            :amount, :projected, :low, :high, :breach_chance, :exhausted_on, :confidence, :doubts)
    ON CONFLICT DO NOTHING
    """
)
# The periods before the current one whose projections were not compared with their end.
LIST_OPEN_PERIODS = text(
    """
    SELECT DISTINCT period_start FROM projections
    WHERE project_id = :project_id AND budget_id = :budget_id AND period_start < :current AND actual IS NULL
    """
)
# Say what a period came to, and how far off each of its projections was.
CLOSE_PERIOD = text(
    """
    UPDATE projections SET actual = CAST(:actual AS numeric),
        error_percent = 100 * (projected - CAST(:actual AS numeric)) / nullif(CAST(:actual AS numeric), 0)
    WHERE project_id = :project_id AND budget_id = :budget_id AND period_start = :period_start AND actual IS NULL
    """
)


async def keep_budgets(tools: Tools, now: datetime | None = None) -> Mapping[str, int]:
    """Do what is due for every budget; a transaction each, so that one that fails keeps none from its turn."""
    counts = {"crossings": 0, "projections": 0, "closed": 0, "failed": 0}
    async with tools.engine.connect() as connection:
        now = now or await ask_time(connection)
        rows = (await connection.execute(LIST_BUDGETS)).all()
    for row in rows:
        try:
            async with tools.engine.begin() as connection:
                budget = Budget.read(row)
                crossed = await record_crossings(connection, budget, now)
                counts["projections"] += await record_projection(connection, budget, now)
                counts["closed"] += await close_periods(connection, budget, now)
            for level in crossed:  # after the commit, so that each counts once
                metrics.CROSSINGS.of(level).inc()
            counts["crossings"] += len(crossed)
        except Exception:
            log.exception("budget_not_kept", budget_id=str(row.budget_id))
            counts["failed"] += 1
    return counts


async def record_crossings(connection: AsyncConnection, budget: Budget, now: datetime) -> list[str]:
    """Note what this period crossed, and the last one while late records may come; the levels that are new.

    A period that was over before the budget was made crossed nothing: nobody had set a limit for it.
    """
    period = budget.period_at(now)
    has_late = now - period.starts_at < LATE and budget.made_at < period.starts_at
    periods = [period.previous, period] if has_late else [period]
    new = []
    for one in periods:
        used = (await sum_spend(connection, budget, one)).of(budget.metric)
        for threshold in list_crossed(used, budget.limit, budget.thresholds):
            level = name_level(threshold, budget.thresholds).value
            values = {"period_start": one.first, "threshold": threshold, "level": level, "used": Decimal(used),
                      "amount": Decimal(budget.limit), **key_of(budget)}  # fmt: skip
            if (await connection.execute(RECORD_CROSSING, values)).first():
                new.append(level)
                # `level` is the log line's own
                log.warning("budget_crossed", budget=budget.name, period_start=str(one.first), state=level,
                            threshold=str(threshold), used=str(used), limit=str(budget.limit),
                            project_id=str(budget.project_id))  # fmt: skip
    return new


async def record_projection(connection: AsyncConnection, budget: Budget, now: datetime) -> int:
    """Project the period's end unless that was done within the hour."""
    last = await connection.scalar(LAST_PROJECTION, key_of(budget))
    if last is not None and now - last < PROJECT_EVERY:
        return 0
    history = [(day, whole(spend, budget)) for day, spend in await sum_by_day(connection, budget, now, HISTORY_DAYS)]
    period, today = budget.period_at(now), local_day(now, budget.zone)
    place = SpendPeriod(period.first, period.end, today, share_elapsed(today, now, budget.zone))
    limit = budget.limit if budget.metric == "tokens" else to_micro_usd(Decimal(budget.limit))
    made = project_spend(history, place, int(limit))
    values = {"period_start": period.first, "made_at": now, "day_number": (today - period.first).days + 1,
              "amount": Decimal(budget.limit), **describe(made, budget), **key_of(budget)}  # fmt: skip
    await connection.execute(RECORD_PROJECTION, values)
    return 1


async def close_periods(connection: AsyncConnection, budget: Budget, now: datetime) -> int:
    """Compare the projections of periods that are over with their ends."""
    current = budget.period_at(now)
    open_periods = await connection.scalars(LIST_OPEN_PERIODS, {"current": current.first, **key_of(budget)})
    closed = 0
    for first in open_periods.all():
        period: Period = span_period(budget.period, first, budget.zone)
        if now >= period.ends_at + LATE:
            actual = Decimal((await sum_spend(connection, budget, period)).of(budget.metric))
            await connection.execute(CLOSE_PERIOD, {"period_start": first, "actual": actual, **key_of(budget)})
            closed += 1
    return closed


def key_of(budget: Budget) -> dict[str, Any]:
    return {"project_id": budget.project_id, "budget_id": budget.budget_id}


def whole(spend: Spend, budget: Budget) -> int:
    """Tokens, or micro-USD."""
    return spend.tokens if budget.metric == "tokens" else to_micro_usd(spend.usd)


def describe(made: Any, budget: Budget) -> dict[str, Any]:
    """A projection as its row, in tokens or USD; no numbers where there is too little history."""
    unit = Decimal(1) if budget.metric == "tokens" else MICRO
    known = made if isinstance(made, Projection) else None
    return {
        "method": made.method,
        "complete_days": made.complete_days,
        "spent": made.spent / unit,
        "projected": known and known.projected / unit,
        "low": known and known.low / unit,
        "high": known and known.high / unit,
        "breach_chance": known and known.breach_chance,
        "exhausted_on": known and known.exhausted_on,
        "confidence": known and known.confidence,
        "doubts": list(known.doubts) if known else None,
    }
