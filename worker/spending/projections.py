"""Where the periods of a project's budgets will end, and how wrong that was. The only writer of `projections`.

`projection.py` has the formulas, as a function of values.
"""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.alerts.rules import CHANCE_STEPS
from common.budgets.periods import local_day, share_elapsed
from common.budgets.spend import Budget, Spend, sum_by_day, sum_spend
from common.database.clock import ask_time
from common.pricing import to_micro_usd
from common.transitions import note_transitions
from worker.alerts.conditions import Holding, find_mark, turn
from worker.rounds import Progress
from worker.spending.budgets import Attempts, key_of, load_budgets
from worker.spending.projection import Projection, SpendPeriod, project_spend

HISTORY_DAYS = 120
PROJECT_EVERY = timedelta(hours=1)
LATE = timedelta(days=1)  # records may come so long after their period before it is closed
MICRO = Decimal(1_000_000)
SLICE_SECONDS = 2.0  # of a project that has more budgets to project, before the others have their turns
NEVER = datetime.min.replace(tzinfo=UTC)
Histories = dict[tuple[UUID, str, str, str], Sequence[tuple[date, Spend]]]

# When each budget was projected last, by the end of its key: periods go on, and so does time in them.
LIST_LAST_PROJECTIONS = text(
    """
    SELECT b.budget_id, (
        SELECT p.made_at FROM projections p WHERE p.project_id = :project_id AND p.budget_id = b.budget_id
        ORDER BY p.period_start DESC, p.made_at DESC LIMIT 1) AS made_at
    FROM budgets b WHERE b.project_id = :project_id
    """
)
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


async def project_budgets(engine: AsyncEngine, project_id: UUID, now: datetime | None = None) -> Progress:
    """Project the budgets of the project that are due, a transaction each, those that wait longest first: at least one,
    until none is left or the time is over. How many `projections` were made and periods `closed`.

    Raises BudgetsFailed when that failed for some, after all others.
    """
    attempts, ends_at = Attempts(), time.monotonic() + SLICE_SECONDS
    async with engine.connect() as connection:
        now = now or await ask_time(connection)
        due = await list_due(connection, project_id, await load_budgets(connection, project_id, attempts), now)
    histories: Histories = {}
    made = closed = 0
    while due and not (made and time.monotonic() >= ends_at):
        budget = due.pop(0)
        with attempts.of(budget.budget_id):
            async with engine.begin() as connection:
                await record_projection(connection, budget, now, histories)
                closed += await close_periods(connection, budget, now)
            made += 1
    attempts.end()
    return Progress({"projections": made, "closed": closed}, has_more=bool(due))


async def list_due(
    connection: AsyncConnection, project_id: UUID, budgets: Sequence[Budget], now: datetime
) -> list[Budget]:
    """The budgets that were not projected within the hour, the longest waiting first, before them those that never were."""
    last = {
        row.budget_id: row.made_at
        for row in await connection.execute(LIST_LAST_PROJECTIONS, {"project_id": project_id})
    }
    waiting = [(last.get(budget.budget_id) or NEVER, budget) for budget in budgets]
    due = [(made_at, budget) for made_at, budget in waiting if now - made_at >= PROJECT_EVERY]
    return [budget for _, budget in sorted(due, key=lambda one: one[0])]


async def record_projection(connection: AsyncConnection, budget: Budget, now: datetime, histories: Histories) -> None:
    """Project the period's end. Budgets of one scope and zone have one history."""
    key = budget.project_id, budget.scope, budget.scope_value, budget.zone.key
    if key not in histories:
        histories[key] = await sum_by_day(connection, budget, now, HISTORY_DAYS)
    history = [(day, whole(spend, budget)) for day, spend in histories[key]]
    period, today = budget.period_at(now), local_day(now, budget.zone)
    place = SpendPeriod(period.first, period.end, today, share_elapsed(today, now, budget.zone))
    limit = budget.limit if budget.metric == "tokens" else to_micro_usd(Decimal(budget.limit))
    made = project_spend(history, place, int(limit))
    values = {"period_start": period.first, "made_at": now, "day_number": (today - period.first).days + 1,
              "amount": Decimal(budget.limit), **describe(made, budget), **key_of(budget)}  # fmt: skip
    await connection.execute(RECORD_PROJECTION, values)
    if isinstance(made, Projection):
        await note_breach(connection, budget, period.first, made)


async def note_breach(connection: AsyncConnection, budget: Budget, period_start: date, made: Projection) -> None:
    """Note that the chance of a breach in this period is higher than it ever was, in steps of a twentieth."""
    step = int(made.breach_chance * CHANCE_STEPS + 1e-9)
    known = await find_mark(connection, budget.project_id, "budget", budget.budget_id, "breach")
    told_period, _, told_step = (known or "").partition(" ")
    before = int(told_step) if told_period == str(period_start) else 0
    if step <= before:
        return
    unit = Decimal(1) if budget.metric == "tokens" else MICRO
    facts = {
        "title": budget.name,
        "chance": step / CHANCE_STEPS,
        "chance_before": before / CHANCE_STEPS,
        "observed": str(made.projected / unit),
        "expected": str(budget.limit),
        "metric": budget.metric,
        "exhausted_on": made.exhausted_on and str(made.exhausted_on),
        "period_start": str(period_start),
        "percent": round(100 * made.breach_chance, 1),
    }
    holding = {budget.budget_id: Holding("breach", f"{period_start} {step}", facts)}
    noted = await turn(connection, budget.project_id, "budget", "breach", holding, among=[budget.budget_id])
    await note_transitions(connection, budget.project_id, noted)


async def close_periods(connection: AsyncConnection, budget: Budget, now: datetime) -> int:
    """Write into the projections of periods that ended a day ago or more what they came to; how many periods."""
    current = budget.period_at(now)
    open_periods = await connection.scalars(LIST_OPEN_PERIODS, {"current": current.first, **key_of(budget)})
    closed = 0
    for first in open_periods.all():
        period = budget.period_of(first)
        if now >= period.ends_at + LATE:
            actual = Decimal((await sum_spend(connection, budget, period)).of(budget.metric))
            await connection.execute(CLOSE_PERIOD, {"period_start": first, "actual": actual, **key_of(budget)})
            closed += 1
    return closed


def whole(spend: Spend, budget: Budget) -> int:
    """Spend as the integer that projections reckon with: tokens, or micro-USD."""
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
