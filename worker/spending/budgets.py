"""Budgets over time: which thresholds were crossed, where the period will end, and how wrong that was.

The only writer of `crossings` and `projections`.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.budgets import Amount, list_crossed
from common.budgets.periods import Period, local_day, share_elapsed, span_period
from common.budgets.spend import BUDGET_COLUMNS, Budget, Spend, sum_by_day, sum_by_scope, sum_spend
from common.budgets.status import name_level
from common.database.clock import ask_time
from common.pricing import to_micro_usd
from common.telemetry import metrics
from worker.jobs import Tools
from worker.spending.projection import Projection, SpendPeriod, project_spend

log = structlog.get_logger()

HISTORY_DAYS = 120
PROJECT_EVERY = timedelta(hours=1)
LATE = timedelta(days=1)  # records may come so long after their period before it is closed
MICRO = Decimal(1_000_000)
PROJECTING_SHARE = 0.5  # of the time from run to run; what is left is projected by the next ones
NEVER = datetime.min.replace(tzinfo=UTC)
NOTHING = Spend(0, Decimal(0))
Histories = dict[tuple[UUID, str, str, str], Sequence[tuple[date, Spend]]]

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
# What is known of crossings in periods that may still be crossed.
LIST_CROSSINGS = text(
    """
    SELECT budget_id, period_start, threshold, amount FROM crossings
    WHERE project_id = :project_id AND period_start >= :since
    """
)
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


async def keep_budgets(tools: Tools, now: datetime | None = None) -> Mapping[str, int]:
    """Look for crossings of every budget, and project those that are due, the ones that wait longest first, as far as
    half of the time until the next run goes. What fails for one budget keeps no other from its turn."""
    counts = {"crossings": 0, "projections": 0, "closed": 0, "failed": 0}
    until = time.monotonic() + PROJECTING_SHARE * tools.settings.budgets_every_seconds
    async with tools.engine.connect() as connection:
        now = now or await ask_time(connection)
        rows = (await connection.execute(LIST_BUDGETS)).all()
    due: list[tuple[datetime, Budget]] = []
    for project_id, of_project in groupby(rows, key=lambda row: row.project_id):
        budgets = [budget for row in of_project if (budget := read_budget(row, counts))]
        async with reported(counts, project_id=project_id):
            async with tools.engine.connect() as connection:
                crossed = await find_crossings(connection, project_id, budgets, now)
                due += await list_due(connection, project_id, budgets, now)
            for crossing in crossed:
                await keep_crossing(tools, crossing, counts)
    await project_in_turn(tools, [budget for _, budget in sorted(due, key=lambda one: one[0])], now, until, counts)
    return counts


def read_budget(row: Any, counts: dict[str, int]) -> Budget | None:
    """None, and counted, where the row cannot be understood."""
    try:
        return Budget.read(row)
    except ValueError:
        log.exception("budget_not_kept", budget_id=str(row.budget_id))
        counts["failed"] += 1
        return None


@asynccontextmanager
async def reported(counts: dict[str, int], **names: UUID) -> AsyncIterator[None]:
    """A failure in here is logged and counted, and stays here."""
    try:
        yield
    except Exception:
        log.exception("budget_not_kept", **{name: str(value) for name, value in names.items()})
        counts["failed"] += 1


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
    """What periods crossed that is not noted yet, or at a lower limit. Each span of time is summed up once for all budgets
    of the project."""
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
    """The period that runs, and the last one while late records may come. One that was over before the budget was made
    crossed nothing: nobody had set a limit for it."""
    period = budget.period_at(now)
    has_late = now - period.starts_at < LATE and budget.made_at < period.starts_at
    return [period.previous, period] if has_late else [period]


async def keep_crossing(tools: Tools, crossing: Crossing, counts: dict[str, int]) -> None:
    """Note it, unless another worker did; told after the commit, so that it counts once."""
    budget = crossing.budget
    async with reported(counts, budget_id=budget.budget_id):
        values = {"period_start": crossing.first, "threshold": crossing.threshold, "level": crossing.level,
                  "used": Decimal(crossing.used), "amount": Decimal(budget.limit), **key_of(budget)}  # fmt: skip
        async with tools.engine.begin() as connection:
            is_new = (await connection.execute(RECORD_CROSSING, values)).first() is not None
        if is_new:
            metrics.CROSSINGS.of(crossing.level).inc()
            counts["crossings"] += 1
            # `level` is the log line's own
            log.warning("budget_crossed", budget=budget.name, period_start=str(crossing.first), state=crossing.level,
                        threshold=str(crossing.threshold), used=str(crossing.used), limit=str(budget.limit),
                        project_id=str(budget.project_id))  # fmt: skip


async def list_due(
    connection: AsyncConnection, project_id: UUID, budgets: Sequence[Budget], now: datetime
) -> list[tuple[datetime, Budget]]:
    """The budgets that were not projected within the hour, with when they were last; those that never were come first."""
    last = {
        row.budget_id: row.made_at
        for row in await connection.execute(LIST_LAST_PROJECTIONS, {"project_id": project_id})
    }
    waiting = ((last.get(budget.budget_id) or NEVER, budget) for budget in budgets)
    return [(made_at, budget) for made_at, budget in waiting if now - made_at >= PROJECT_EVERY]


async def project_in_turn(
    tools: Tools, budgets: Sequence[Budget], now: datetime, until: float, counts: dict[str, int]
) -> None:
    """Project these, a transaction each, until the time is over; at least one."""
    histories: Histories = {}
    for number, budget in enumerate(budgets):
        if number and time.monotonic() > until:
            log.info("projections_left", budgets=len(budgets) - number)
            return
        async with reported(counts, budget_id=budget.budget_id):
            async with tools.engine.begin() as connection:
                await record_projection(connection, budget, now, histories)
                closed = await close_periods(connection, budget, now)
            counts["projections"] += 1
            counts["closed"] += closed


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
