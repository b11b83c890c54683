"""What is told of a budget is in its unit, and what nobody knows yet is null."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.http.problems import NotFound
from api.reads.catalogue import Asked
from api.spending.budget_parameters import BudgetProjectionQuery, BudgetQuery, BudgetStatusQuery
from api.spending.budget_reads import (
    build_budget,
    build_budget_projection,
    build_budget_status,
    describe,
    describe_crossing,
    describe_projection,
)
from common.budgets.periods import PeriodKind, find_zone
from common.budgets.spend import Budget
from tests.conftest import Service

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
TOKENS = Budget(
    project_id=UUID(int=1), budget_id=UUID(int=2), name="all", scope="project", scope_value="", metric="tokens", limit=100,
    period=PeriodKind.month, zone=find_zone("Europe/Berlin"), thresholds=(Decimal(80),), made_at=NOW,
)  # fmt: skip
USD = Budget(
    **{**{name: getattr(TOKENS, name) for name in Budget.__slots__}, "metric": "usd", "limit": Decimal("1.50")}
)


@pytest.mark.parametrize(("budget", "amount"), [(TOKENS, 7), (USD, Decimal("7.25"))])
def test_amounts_of_tokens_are_whole_and_those_of_usd_exact(budget: Budget, amount: Any) -> None:
    row: Any = SimpleNamespace(
        threshold=Decimal(80), level="warn", crossed_at=NOW, used=Decimal("7.25"), made_at=NOW, method="mean", complete_days=9,
        spent=Decimal("7.25"), projected=Decimal("7.25"), low=None, high=None, breach_chance=None, exhausted_on=date(2026, 2, 20),
        confidence="low", doubts=None,
    )  # fmt: skip
    assert describe_crossing(row, budget).used == amount
    told = describe_projection(row, budget)
    assert (told.spent, told.projected, told.low, told.doubts) == (amount, amount, None, [])


def test_the_whole_project_is_a_scope_without_a_value() -> None:
    assert (describe(TOKENS).scope_value, describe(TOKENS).timezone, describe(TOKENS).thresholds) == (
        None,
        "Europe/Berlin",
        [80.0],
    )


@pytest.mark.parametrize(
    ("build", "params"),
    [
        (build_budget, BudgetQuery()),
        (build_budget_status, BudgetStatusQuery()),
        (build_budget_projection, BudgetProjectionQuery()),
    ],
)
async def test_a_budget_that_is_not_there_is_told_by_every_read(service: Service, build: Any, params: Any) -> None:
    project = await service.project()
    with pytest.raises(NotFound, match="no budget with this id"):
        await build(service.state["build_context"], Asked(project.id, params, uuid4()))
