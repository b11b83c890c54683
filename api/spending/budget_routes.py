"""The routes that change budgets, and hard stops. How budgets stand is read through the catalogue (`reads.py`).

Checks and settlements are for keys that spend, the ingest keys: a read key must not be able to use a budget up.
"""

from typing import cast
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.exc import IntegrityError

from api.access.keys import AdminCaller, IngestCaller
from api.access.routers import Router
from api.access.shares import share_of
from api.http.problems import PROBLEM_RESPONSE, Conflict, Invalid, NotFound
from api.spending import budgets as store
from api.spending import reservations
from api.spending.budget_reads import describe, require_budget
from api.spending.budget_schemas import (
    BudgetChange,
    BudgetIn,
    BudgetOut,
    CheckAnswer,
    CheckIn,
    SettleAnswer,
    SettleIn,
)
from api.spending.reservations import NO_BUDGET, Checks
from common.budgets.spend import as_amount

router = Router(prefix="/api/budgets", tags=["budgets"])
RESERVE_SECONDS = 600
NAME_TAKEN = "this project has a budget named {!r}: choose another name, or delete that one"


@router.post("", status_code=201, responses={409: PROBLEM_RESPONSE}, summary="Make a budget")
async def create_budget(request: Request, response: Response, caller: AdminCaller, sent: BudgetIn) -> BudgetOut:
    """Make a budget. What was spent in its current period before counts too."""
    async with share_of(request, caller.project_id).begin() as connection:
        budget_id = await store.add_budget(connection, caller.project_id, sent)
        if budget_id is None:
            raise Conflict(NAME_TAKEN.format(sent.name))
        response.headers["Location"] = f"{router.prefix}/{budget_id}"
        return describe(await require_budget(connection, caller.project_id, budget_id))


@router.patch("/{budget_id}", responses={409: PROBLEM_RESPONSE}, summary="Change name, limit or thresholds of a budget")
async def change_budget(request: Request, caller: AdminCaller, budget_id: UUID, change: BudgetChange) -> BudgetOut:
    """Change what is said and leave the rest. Status and checks go by it at once, crossings and projections from the
    worker's next run on; a threshold that this period has crossed is not noted again."""
    try:
        async with share_of(request, caller.project_id).begin() as connection:
            budget = await require_budget(connection, caller.project_id, budget_id)
            if change.limit is not None and budget.metric == "tokens" and change.limit % 1:
                raise Invalid("limit: tokens are whole")
            if not await store.change_budget(connection, caller.project_id, budget_id, change):
                raise NotFound(NO_BUDGET)
            return describe(await require_budget(connection, caller.project_id, budget_id))
    except IntegrityError as error:
        raise Conflict(NAME_TAKEN.format(change.name)) from error


@router.delete("/{budget_id}", status_code=204, summary="Delete a budget")
async def delete_budget(request: Request, caller: AdminCaller, budget_id: UUID) -> Response:
    """Delete a budget with its crossings, reservations and projections; usage stays."""
    async with share_of(request, caller.project_id).begin() as connection:
        if not await store.remove_budget(connection, caller.project_id, budget_id):
            raise NotFound(NO_BUDGET)
    return Response(status_code=204)


@router.post("/{budget_id}/check", summary="May a call be made?")
async def check_budget(request: Request, caller: IngestCaller, budget_id: UUID, sent: CheckIn) -> CheckAnswer:
    """Hold an estimate if it fits under the limit beside all that is used and held; it is held until it is settled or
    expires. 200 either way: `allowed` says which."""
    checks, seconds = cast("Checks", request.state.checks), sent.expires_in_seconds or RESERVE_SECONDS
    decision = await checks.check(caller.project_id, budget_id, sent.estimate, seconds)
    return CheckAnswer(
        allowed=decision.reservation_id is not None,
        reservation_id=decision.reservation_id,
        expires_at=decision.expires_at,
        used=as_amount(decision.used, decision.budget.metric),
        reserved=as_amount(decision.reserved, decision.budget.metric),
        limit=decision.budget.limit,
    )


@router.post("/{budget_id}/settle", summary="A reservation is over")
async def settle_reservation(request: Request, caller: IngestCaller, budget_id: UUID, sent: SettleIn) -> SettleAnswer:
    """Release what a check held, after the usage of the call was posted: then it counts as used."""
    async with share_of(request, caller.project_id).begin() as connection:
        is_new = await reservations.settle(connection, caller.project_id, budget_id, sent.reservation_id)
    return SettleAnswer(reservation_id=sent.reservation_id, outcome="settled" if is_new else "duplicate")
