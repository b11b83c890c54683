"""What readers of budgets may ask: which page, and in which form."""

from uuid import UUID

from pydantic import Field

from api.reads.forms import Table, alone
from api.reads.parameters import FormQuery, some_of
from api.spending.budget_schemas import BudgetOut, BudgetProjectionOut, BudgetStatusOut

BUDGETS = Table("budgets", tuple(BudgetOut.model_fields), ("name", "scope", "scope_value", "metric", "limit", "period"))
BUDGET = alone(BudgetOut)
BUDGET_STATUS = alone(BudgetStatusOut)
BUDGET_PROJECTION = alone(BudgetProjectionOut)


class BudgetsQuery(FormQuery):
    """Which budgets are wanted."""

    fields: str | None = some_of(BUDGETS)
    limit: int = Field(100, ge=1, le=200, description="How many at most.")
    cursor: UUID | None = Field(None, description="`next` of the page before.")


class BudgetQuery(FormQuery):
    """The form that one budget is wanted in."""

    fields: str | None = some_of(BUDGET)


class BudgetStatusQuery(FormQuery):
    """The form that a status is wanted in."""

    fields: str | None = some_of(BUDGET_STATUS)


class BudgetProjectionQuery(FormQuery):
    """The form that a projection is wanted in."""

    fields: str | None = some_of(BUDGET_PROJECTION)
