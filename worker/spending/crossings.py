"""Which thresholds the periods of a project's budgets reached, each once for a limit. The only writer of `crossings`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.budgets import Amount, list_crossed
from common.budgets.periods import Period
from common.budgets.spend import Budget, Spend, sum_by_scope
from common.budgets.status import name_level
from common.database.clock import ask_time
from common.telemetry import metrics
from common.transitions import Noted, note_transition
from worker.rounds import Progress
from worker.spending.budgets import Attempts, key_of, load_budgets

log = structlog.get_logger()

LATE = timedelta(days=1)  # records may come so long after their period
NOTHING = Spend(0, Decimal(0))

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
# What is known of crossings in periods that may still be crossed.
LIST_CROSSINGS = text(
    """
    SELECT budget_id, period_start, threshold, amount FROM crossings
    WHERE project_id = :project_id AND period_start >= :since
    """
)


async def record_crossings(engine: AsyncEngine, project_id: UUID, now: datetime | None = None) -> Progress:
    """Look for crossings of every budget of the project, and record those that are new; how many `crossings` were.

    Raises BudgetsFailed when that failed for some, after all others.
    """
    attempts, recorded = Attempts(), 0
    async with engine.connect() as connection:
        now = now or await ask_time(connection)
        budgets = await load_budgets(connection, project_id, attempts)
        crossed = await find_crossings(connection, project_id, budgets, now)
    for crossing in crossed:
        with attempts.of(crossing.budget.budget_id):
            recorded += await record_crossing(engine, crossing)
    attempts.end()
    return Progress({"crossings": recorded})


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that a period of a budget reached."""

    budget: Budget
    first: date
    threshold: Decimal
    used: Amount

    @property
    def level(self) -> str:
        return name_level(self.threshold, self.budget.thresholds).value

    @property
    def key(self) -> tuple[UUID, date, Decimal]:
        return self.budget.budget_id, self.first, self.threshold


async def find_crossings(
    connection: AsyncConnection, project_id: UUID, budgets: Sequence[Budget], now: datetime
) -> list[Crossing]:
    """The thresholds that periods reached and that are not recorded yet, or were recorded at a lower limit. Each span of
    time is summed up once for all budgets of the project."""
    asked = [(budget, period) for budget in budgets for period in list_periods(budget, now)]
    if not asked:
        return []
    spans = {(period.starts_at, period.ends_at) for _, period in asked}
    spent = {span: await sum_by_scope(connection, project_id, *span) for span in spans}
    since = min(period.first for _, period in asked)
    known = await connection.execute(LIST_CROSSINGS, {"project_id": project_id, "since": since})
    noted = {(row.budget_id, row.period_start, row.threshold): row.amount for row in known}
    found = []
    for budget, period in asked:
        scope = budget.scope, budget.scope_value if budget.scope != "project" else ""
        used = spent[period.starts_at, period.ends_at].get(scope, NOTHING).of(budget.metric)
        for threshold in list_crossed(used, budget.limit, budget.thresholds):
            crossing = Crossing(budget, period.first, threshold, used)
            if crossing.key not in noted or noted[crossing.key] < budget.limit:
                found.append(crossing)
    return found


def list_periods(budget: Budget, now: datetime) -> list[Period]:
    """The current period, and the one before it while late records may come. A period that ended before the budget was
    made is left out: nobody had set a limit for it."""
    period = budget.period_at(now)
    has_late = now - period.starts_at < LATE and budget.made_at < period.starts_at
    return [period.previous, period] if has_late else [period]


def describe(crossing: Crossing) -> Noted:
    """The change that a crossing is."""
    budget = crossing.budget
    facts = {
        "title": budget.name,
        "percent": float(crossing.threshold),
        "level": crossing.level,
        "observed": str(crossing.used),
        "expected": str(budget.limit),
        "metric": budget.metric,
        "scope": budget.scope,
        "scope_value": budget.scope_value,
        "period_start": str(crossing.first),
    }
    return Noted("budget", budget.budget_id, "crossed", facts)


async def record_crossing(engine: AsyncEngine, crossing: Crossing) -> bool:
    """Record a crossing; whether it was new, or False where another worker recorded it first. Counted and logged after the
    commit, so once."""
    budget = crossing.budget
    values = {"period_start": crossing.first, "threshold": crossing.threshold, "level": crossing.level,
              "used": Decimal(crossing.used), "amount": Decimal(budget.limit), **key_of(budget)}  # fmt: skip
    async with engine.begin() as connection:
        is_new = (await connection.execute(RECORD_CROSSING, values)).first() is not None
        if is_new:
            await note_transition(connection, budget.project_id, describe(crossing))
    if is_new:
        metrics.CROSSINGS.of(crossing.level).inc()
        # `level` is the log line's own
        log.warning("budget_crossed", budget=budget.name, period_start=str(crossing.first), state=crossing.level,
                    threshold=str(crossing.threshold), used=str(crossing.used), limit=str(budget.limit),
                    project_id=str(budget.project_id))  # fmt: skip
    return is_new
