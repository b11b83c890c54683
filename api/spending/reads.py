"""The reads of what was spent, of rates and of budgets, as entries of the catalogue."""

from typing import Any

from api.reads.catalogue import Read, seconds
from api.spending.budget_parameters import (
    BUDGET,
    BUDGET_PROJECTION,
    BUDGET_STATUS,
    BUDGETS,
    BudgetProjectionQuery,
    BudgetQuery,
    BudgetsQuery,
    BudgetStatusQuery,
)
from api.spending.budget_reads import build_budget, build_budget_page, build_budget_projection, build_budget_status
from api.spending.budget_schemas import BudgetOut, BudgetPage, BudgetProjectionOut, BudgetStatusOut
from api.spending.cache_savings import CACHE_SAVINGS
from api.spending.costs import TEAMS, CostReport, ReportQuery, build_cost_report, build_cost_table
from api.spending.usage_reads import (
    OVERRIDES,
    USAGE,
    OverridePage,
    OverridesQuery,
    UsagePage,
    UsageQuery,
    build_override_page,
    build_usage_page,
)
from api.spending.usage_runs import RUN_TREE
from api.spending.usage_summary import USAGE_SUMMARY
from api.spending.what_if import WHAT_IF

COST_REPORT = Read(
    operation="get_cost_report",
    path="/api/costs/report",
    tags=("costs",),
    summary="A month's costs by team",
    description="Tokens, cost and tokens per deliverable of each team, budget used and reserve: as JSON, CSV or a markdown "
    "table.",
    params=ReportQuery,
    answer=CostReport,
    table=TEAMS,
    build=build_cost_report,
    max_age_seconds=seconds(1),
    build_markdown=build_cost_table,
)
USAGE_PAGE = Read(
    operation="list_usage",
    path="/api/usage",
    tags=("usage",),
    summary="What was spent by day, team and model",
    description="Sums of UTC days, page by page; every acknowledged record is in them. Days stay longer than their records.",
    params=UsageQuery,
    answer=UsagePage,
    table=USAGE,
    build=build_usage_page,
    max_age_seconds=seconds(1),
)
OVERRIDE_PAGE = Read(
    operation="list_overrides",
    path="/api/prices/overrides",
    tags=("usage", "prices"),
    summary="The rates that you set",
    description="The overrides that are there, past ones too. What a model costs without any follows from the catalog.",
    params=OverridesQuery,
    answer=OverridePage,
    table=OVERRIDES,
    build=build_override_page,
    max_age_seconds=seconds(1),
)
BUDGET_PAGE = Read(
    operation="list_budgets",
    path="/api/budgets",
    tags=("budgets",),
    summary="Budgets of this project",
    description="The budgets, oldest first, page by page.",
    params=BudgetsQuery,
    answer=BudgetPage,
    table=BUDGETS,
    build=build_budget_page,
    max_age_seconds=seconds(0),
)
ONE_BUDGET = Read(
    operation="get_budget",
    path="/api/budgets/{budget_id}",
    tags=("budgets",),
    summary="One budget",
    description="",
    params=BudgetQuery,
    answer=BudgetOut,
    table=BUDGET,
    build=build_budget,
    max_age_seconds=seconds(0),
)
STATUS = Read(
    operation="get_budget_status",
    path="/api/budgets/{budget_id}/status",
    tags=("budgets",),
    summary="Where it stands",
    description="How much of the current period's limit is used, and what was crossed. Every acknowledged record is in it.",
    params=BudgetStatusQuery,
    answer=BudgetStatusOut,
    table=BUDGET_STATUS,
    build=build_budget_status,
    max_age_seconds=seconds(0),
)
PROJECTION = Read(
    operation="get_budget_projection",
    path="/api/budgets/{budget_id}/projection",
    tags=("budgets",),
    summary="Where it will end",
    description="The latest projection of the current period, made every hour, and how right earlier ones were.",
    params=BudgetProjectionQuery,
    answer=BudgetProjectionOut,
    table=BUDGET_PROJECTION,
    build=build_budget_projection,
    max_age_seconds=seconds(0),
)
READS: tuple[Read[Any], ...] = (
    COST_REPORT,
    WHAT_IF,
    CACHE_SAVINGS,
    USAGE_PAGE,
    USAGE_SUMMARY,
    RUN_TREE,
    OVERRIDE_PAGE,
    BUDGET_PAGE,
    ONE_BUDGET,
    STATUS,
    PROJECTION,
)
