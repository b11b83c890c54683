"""Which periods may still be crossed, and how a crossing is named."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from common.budgets.spend import Budget
from tests.worker.spending.test_budgets import add_budget
from tests.worker.stored import PROJECT, rows
from worker.spending.budgets import Attempts, load_budgets
from worker.spending.crossings import Crossing, list_periods, record_crossing

NOON_OF_THE_FIRST = datetime(2126, 11, 1, 12, tzinfo=UTC)


async def one_budget(engine: AsyncEngine) -> Budget:
    await add_budget(engine, PROJECT)
    async with engine.connect() as connection:
        [budget] = await load_budgets(connection, PROJECT, Attempts())
    return budget


async def test_the_last_period_may_be_crossed_for_a_day_after_its_end(engine: AsyncEngine) -> None:
    budget = await one_budget(engine)
    firsts = [[period.first for period in list_periods(budget, NOON_OF_THE_FIRST + timedelta(days=n))] for n in (0, 1)]
    assert firsts == [[date(2126, 10, 1), date(2126, 11, 1)], [date(2126, 11, 1)]]


async def test_a_crossing_is_recorded_once_by_whoever_sees_it_first(engine: AsyncEngine) -> None:
    budget = await one_budget(engine)
    crossing = Crossing(budget, date(2026, 11, 1), Decimal(80), Decimal(85))
    assert [await record_crossing(engine, crossing) for _ in range(2)] == [True, False]
    assert await rows(engine, "SELECT threshold, used, amount FROM crossings") == [(80, 85, 100)]
