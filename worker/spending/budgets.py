"""The budgets of a project as the worker looks after them, so that one which fails keeps none of the others from its turn.

`crossings.py` looks for thresholds that were crossed, `projections.py` for where the periods will end.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.budgets.spend import BUDGET_COLUMNS, Budget
from worker.rounds import is_outage

log = structlog.get_logger()

# The projects that have budgets.
PROJECTS_WITH_BUDGETS = text("""
    SELECT project_id FROM projects p WHERE EXISTS (SELECT FROM budgets b WHERE b.project_id = p.project_id)
""")
# Every budget of a project.
LIST_BUDGETS = text(
    f"SELECT {BUDGET_COLUMNS} FROM budgets WHERE project_id = :project_id ORDER BY budget_id"  # noqa: S608
)


class BudgetsFailed(RuntimeError):
    """Some budgets of a project could not be looked after; the others were, and the log says why."""


class Attempts:
    """Keeps what fails for one budget from the others, and tells of it in the end."""

    def __init__(self) -> None:
        self.failed: list[UUID] = []

    @contextmanager
    def of(self, budget_id: UUID) -> Iterator[None]:
        """A failure in here is logged and noted, and stays here; an outage, which is no budget's fault, is raised."""
        try:
            yield
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("budget_not_kept", budget_id=str(budget_id))
            self.failed.append(budget_id)

    def end(self) -> None:
        """Raises BudgetsFailed when some did, so that the project's turn counts as failed."""
        if self.failed:
            raise BudgetsFailed(f"{len(self.failed)} budgets failed, the first is {self.failed[0]}")


async def list_with_budgets(engine: AsyncEngine) -> Sequence[UUID]:
    """The projects that have budgets."""
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS_WITH_BUDGETS)).all()


async def load_budgets(connection: AsyncConnection, project_id: UUID, attempts: Attempts) -> list[Budget]:
    """The project's budgets; one whose row cannot be understood is a failed attempt, and left out."""
    budgets = []
    for row in (await connection.execute(LIST_BUDGETS, {"project_id": project_id})).all():
        with attempts.of(row.budget_id):
            budgets.append(Budget.read(row))
    return budgets


def key_of(budget: Budget) -> dict[str, Any]:
    return {"project_id": budget.project_id, "budget_id": budget.budget_id}
