"""The routes of budgets: make them, ask how they stand and where they will end, and hard stops.

Checks and settlements are for keys that spend, the ingest keys: a read key must not be able to use a budget up.
"""

from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.keys import AdminCaller, IngestCaller, ReadCaller
from api.access.routers import Router
from api.access.shares import share_of
from api.http.problems import PROBLEM_RESPONSE, Conflict, Invalid, NotFound
from api.reads.responding import FORMS, respond_now
from api.spending import budgets as store
from api.spending import reservations
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
from api.spending.budget_schemas import (
    AccuracyOut,
    BudgetChange,
    BudgetIn,
    BudgetOut,
    BudgetPage,
    BudgetProjectionOut,
    BudgetStatusOut,
    CheckAnswer,
    CheckIn,
    CrossingOut,
    ProjectionOut,
    SettleAnswer,
    SettleIn,
)
from api.spending.reservations import NO_BUDGET, SUM_HELD, Checks
from common.budgets import read_status
from common.budgets.spend import Budget, as_amount, find_budget, sum_spend
from common.database.clock import CLOCK

router = Router(prefix="/api/budgets", tags=["budgets"])
RESERVE_SECONDS = 600
NAME_TAKEN = "this project has a budget named {!r}: choose another name, or delete that one"


async def require_budget(connection: AsyncConnection, project_id: UUID, budget_id: UUID) -> Budget:
    """The budget. Raises NotFound."""
    budget = await find_budget(connection, project_id, budget_id)
    if budget is None:
        raise NotFound(NO_BUDGET)
    return budget


@router.post("", status_code=201, responses={409: PROBLEM_RESPONSE}, summary="Make a budget")
async def create_budget(request: Request, response: Response, caller: AdminCaller, sent: BudgetIn) -> BudgetOut:
    """Make a budget. What was spent in its current period before counts too."""
    async with share_of(request, caller.project_id).begin() as connection:
        budget_id = await store.add_budget(connection, caller.project_id, sent)
        if budget_id is None:
            raise Conflict(NAME_TAKEN.format(sent.name))
        response.headers["Location"] = f"{router.prefix}/{budget_id}"
        return describe(await require_budget(connection, caller.project_id, budget_id))


@router.get("", response_model=BudgetPage, responses=FORMS, summary="Budgets of this project")
async def list_budgets(request: Request, caller: ReadCaller, query: Annotated[BudgetsQuery, Query()]) -> Response:
    """The budgets, oldest first, page by page."""
    async with share_of(request, caller.project_id).connect() as connection:
        found = await store.list_budgets(connection, caller.project_id, limit=query.limit + 1, after=query.cursor)
    page = found[: query.limit]
    after = page[-1].budget_id if len(found) > len(page) else None
    body = BudgetPage(budgets=[describe(one) for one in page], next=after)
    return await respond_now(request, body, query, BUDGETS, max_age_seconds=0)


@router.get("/{budget_id}", response_model=BudgetOut, responses=FORMS, summary="One budget")
async def get_budget(
    request: Request, caller: ReadCaller, budget_id: UUID, query: Annotated[BudgetQuery, Query()]
) -> Response:
    async with share_of(request, caller.project_id).connect() as connection:
        budget = await require_budget(connection, caller.project_id, budget_id)
    return await respond_now(request, describe(budget), query, BUDGET, max_age_seconds=0)


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


@router.get("/{budget_id}/status", response_model=BudgetStatusOut, responses=FORMS, summary="Where it stands")
async def get_budget_status(
    request: Request, caller: ReadCaller, budget_id: UUID, query: Annotated[BudgetStatusQuery, Query()]
) -> Response:
    """How much of the current period's limit is used, and what was crossed. Every acknowledged record is in it."""
    async with share_of(request, caller.project_id).connect() as connection:
        budget = await require_budget(connection, caller.project_id, budget_id)
        period = budget.period_at(CLOCK.now())
        spend = await sum_spend(connection, budget, period)
        crossed = await store.list_crossings(connection, budget, period.first)
        held = await connection.scalar(SUM_HELD, {"project_id": budget.project_id, "budget_id": budget_id})
    status = read_status(spend.of(budget.metric), budget.limit, budget.thresholds)
    body = BudgetStatusOut(
        id=budget_id,
        name=budget.name,
        metric=budget.metric,
        period_start=period.first,
        period_end=period.end,
        used=status.used,
        limit=status.limit,
        used_percent=float(status.used_percent),
        reserve_percent=float(status.reserve_percent),
        state=status.state.value,
        crossings=[
            CrossingOut(
                threshold=one.threshold,
                level=one.level,
                crossed_at=one.crossed_at,
                used=as_amount(one.used, budget.metric),
            )
            for one in crossed
        ],
        reserved=as_amount(held, budget.metric),
        unpriced_tokens=spend.unpriced_tokens,
        estimated_tokens=spend.estimated_tokens,
    )
    return await respond_now(request, body, query, BUDGET_STATUS, max_age_seconds=0)


@router.get("/{budget_id}/projection", response_model=BudgetProjectionOut, responses=FORMS, summary="Where it will end")
async def get_budget_projection(
    request: Request, caller: ReadCaller, budget_id: UUID, query: Annotated[BudgetProjectionQuery, Query()]
) -> Response:
    """The latest projection of the current period, made every hour, and how right earlier ones were."""
    async with share_of(request, caller.project_id).connect() as connection:
        budget = await require_budget(connection, caller.project_id, budget_id)
        period = budget.period_at(CLOCK.now())
        row = await store.find_projection(connection, budget, period.first)
        accuracy = await store.measure_accuracy(connection, budget)
    body = BudgetProjectionOut(
        id=budget_id,
        limit=budget.limit,
        period_start=period.first,
        projection=describe_projection(row, budget) if row else None,
        accuracy=[
            AccuracyOut(day=one.day, periods=one.periods, mean_error_percent=one.error, range_held_percent=one.held)
            for one in accuracy
        ],
    )
    return await respond_now(request, body, query, BUDGET_PROJECTION, max_age_seconds=0)


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


def describe(budget: Budget) -> BudgetOut:
    return BudgetOut(
        id=budget.budget_id,
        name=budget.name,
        scope=budget.scope,
        scope_value=budget.scope_value or None,
        metric=budget.metric,
        limit=budget.limit,
        period=budget.period.value,
        timezone=budget.zone.key,
        thresholds=[float(one) for one in budget.thresholds],
    )


def describe_projection(row: Any, budget: Budget) -> ProjectionOut:
    amounts = {
        name: None if (amount := getattr(row, name)) is None else as_amount(amount, budget.metric)
        for name in ("projected", "low", "high")
    }
    return ProjectionOut(
        made_at=row.made_at,
        method=row.method,
        complete_days=row.complete_days,
        spent=as_amount(row.spent, budget.metric),
        breach_chance=row.breach_chance,
        exhausted_on=row.exhausted_on,
        confidence=row.confidence,
        doubts=row.doubts or [],
        **amounts,
    )
