"""The tools about what is spent: how budgets stand, and holding and settling what a call may cost."""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from pydantic_core import to_json
from starlette.requests import Request

from api.access.quotas import Quotas
from api.agents.arguments import Budget, Spending, Usage
from api.agents.calls import Call
from api.agents.sheets import Sheet, Told, fit
from api.http.problems import Invalid
from api.ingest.pipeline import Pipeline, Sent
from api.spending.budget_routes import check_budget, settle_reservation
from api.spending.budget_schemas import CheckIn, SettleIn
from api.spending.reads import BUDGET_PAGE, COST_REPORT, PROJECTION, STATUS
from api.spending.usage_schemas import UsageIn
from api.storing.rows import UsageRow
from common.database.clock import CLOCK

BUDGETS_MAX = 20


async def tell_spending(call: Call, asked: Spending) -> Told:
    """This month's sums, and each budget with where it will end."""
    report = (await call.ask(COST_REPORT, {})).value
    page = (await call.ask(BUDGET_PAGE, {"limit": BUDGETS_MAX})).value
    rows = []
    for number, budget in enumerate(page.budgets):
        await call.progress(number, len(page.budgets), "budgets are read")
        rows.append(await describe_budget(call, budget))
    facts = {
        "month": report.period,
        "tokens": report.tokens,
        "cost_usd": report.cost_usd,
        "unpriced_tokens": report.unpriced_tokens or None,
        "teams": [f"{team.team} {team.tokens}" for team in report.teams[:5]],
    }
    columns = (
        "budget",
        "id",
        "of",
        "state",
        "used",
        "reserved",
        "limit",
        "used_percent",
        "projected",
        "breach",
        "exhausted_on",
    )
    more = "raise max_tokens, or GET /api/budgets" if page.next is None else "GET /api/budgets with its cursor"
    return fit(Sheet(f"{len(rows)} budgets.", facts, columns, rows, more=more), asked.max_tokens)


async def describe_budget(call: Call, budget: Any) -> list[Any]:
    budget_id = UUID(str(budget.id))
    status = (await call.ask(STATUS, {}, budget_id)).value
    end = (await call.ask(PROJECTION, {}, budget_id)).value.projection
    of = f"{budget.scope} {budget.scope_value or ''}".strip()
    ends = [None, None, None] if end is None else [amount(end.projected), end.breach_chance, amount(end.exhausted_on)]
    used = [
        amount(status.used),
        amount(status.reserved),
        f"{amount(status.limit)} {budget.metric}",
        status.used_percent,
    ]
    return [budget.name, str(budget.id), of, status.state, *used, *ends]


def amount(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)


async def use_budget(call: Call, asked: Budget) -> Told:
    """Hold an estimate, or record what was spent and let go of what was held. Raises Problem, ValidationError."""
    request, caller = call.request, call.caller
    facts: dict[str, Any] = {}
    if asked.action == "reserve":
        if asked.budget is None or asked.estimate is None or asked.usage is not None:
            raise Invalid("reserve: give budget (an id, see spending) and estimate, no usage")
        answer = await check_budget(request, caller, asked.budget, CheckIn(estimate=Decimal(asked.estimate)))
        facts = answer.model_dump(mode="json")
        said = (
            "Allowed and reserved." if answer.allowed else "Refused: the estimate does not fit. Do not make the call."
        )
        return fit(Sheet(said, facts), asked.max_tokens)
    if asked.action == "record" and asked.usage is None:
        raise Invalid("record: give usage")
    if asked.action == "settle" and (asked.budget is None or asked.reservation is None):
        raise Invalid("settle: give budget and reservation, as reserve answered them")
    if asked.usage is not None:
        facts["usage"] = await record(request, call, asked.usage)
    if asked.budget is not None and asked.reservation is not None:
        settled = await settle_reservation(request, caller, asked.budget, SettleIn(reservation_id=asked.reservation))
        facts["reservation"] = settled.outcome
    return fit(Sheet("Done.", facts), asked.max_tokens)


async def record(request: Request, call: Call, usage: Usage) -> str:
    """Store one usage record as the route does; what became of it. Raises Problem."""
    said = usage.model_dump(mode="json", exclude_none=True, exclude={"pattern"})
    pattern = {"pattern_id": str(usage.pattern)} if usage.pattern else {}
    item = {**said, **pattern, "occurred_at": CLOCK.now().isoformat()}
    pipeline = cast("Pipeline[UsageIn, UsageRow]", request.state.usage_pipeline)
    quotas = cast("Quotas", request.state.quotas)
    allowance = quotas.allowance(call.caller.project_id, call.caller.key_id, ingest=True)
    body = to_json({"records": [item]})
    answer = await pipeline.take_batch(Sent(call.caller, allowance, "application/json", body))
    return "stored" if answer.count else "duplicate"
