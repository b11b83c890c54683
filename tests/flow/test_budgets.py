"""Budgets end to end: posted through the API, crossed once, stopped hard, projected by the worker."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from api.access.shares import Shares, gate_of
from api.spending import reservations
from common.budgets.spend import FIND_BUDGET
from common.telemetry.exposition import make_registry
from tests.conftest import Project, Service
from tests.worker.running import keep_budgets

DAY = timedelta(days=1)


def spend(key: str, tokens: int, **others: Any) -> dict[str, Any]:
    return {
        "event_key": key,
        "team": "frontend",
        "model": "claude-haiku-4-5",
        "occurred_at": datetime.now(UTC).isoformat(),
        "total_tokens": tokens,
        **others,
    }


async def post(project: Project, *records: dict[str, Any]) -> None:
    answer = await project.ingest.post("/api/usage/batch", json={"records": list(records)})
    assert answer.status_code == 201, answer.text


async def make(project: Project, **others: Any) -> str:
    sent = {"name": "all", "scope": "project", "metric": "tokens", "limit": 200_000, "period": "month", **others}
    answer = await project.admin.post("/api/budgets", json=sent)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_the_golden_figures_from_post_to_status(service: Service) -> None:
    project = await service.project()
    budget = await make(project)
    counted = crossings_counted()
    await post(project, spend("a", 12_450), spend("b", 35_670, team="backend"), spend("c", 78_480, team="ops"))
    status = await project.get(f"/api/budgets/{budget}/status")
    assert (status["used"], status["limit"], status["state"]) == (126_600, 200_000, "ok")
    assert (status["used_percent"], status["reserve_percent"]) == (63.3, 36.7)
    for key, tokens, level in (("d", 33_400, "warn"), ("e", 20_000, "critical"), ("f", 20_000, "exceeded")):
        await post(project, spend(key, tokens))
        await asyncio.gather(*[keep_budgets(service.tools) for _ in range(4)])
        await post(project, spend(key, tokens))
        await keep_budgets(service.tools)
        status = await project.get(f"/api/budgets/{budget}/status")
        assert status["state"] == level
        assert status["crossings"][-1]["level"] == level
    assert [(c["threshold"], c["level"], c["used"]) for c in status["crossings"]] == [
        (80, "warn", 160_000), (90, "critical", 180_000), (100, "exceeded", 200_000),
    ]  # fmt: skip
    assert {level: count - counted[level] for level, count in crossings_counted().items()} == dict.fromkeys(counted, 1)


def crossings_counted() -> dict[str, float]:
    """What the worker's metric says of each level."""
    registry = make_registry("worker")
    name = "mayday_budget_crossings_total"
    return {
        level: registry.get_sample_value(name, {"level": level}) or 0.0 for level in ("warn", "critical", "exceeded")
    }


async def test_a_budget_counts_its_scope_and_nothing_else(service: Service) -> None:
    project = await service.project()
    team = await make(project, name="t", scope="team", scope_value="backend")
    model = await make(project, name="m", scope="model", scope_value="haiku-4-5", metric="usd", limit="1")
    await post(project, spend("a", 12_450), spend("b", 100, team="backend"), spend("c", 5, model="acme-1"))
    assert (await project.get(f"/api/budgets/{team}/status"))["used"] == 100
    status = await project.get(f"/api/budgets/{model}/status")
    assert Decimal(status["used"]) == Decimal("0.03735") + Decimal("0.0003")


async def test_a_budget_of_another_project_is_not_there(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    budget = await make(project)
    for path in ("", "/status", "/projection"):
        assert (await other.read.get(f"/api/budgets/{budget}{path}")).status_code == 404
    assert (await other.ingest.post(f"/api/budgets/{budget}/check", json={"estimate": 1})).status_code == 404
    assert (await other.admin.delete(f"/api/budgets/{budget}")).status_code == 404
    assert (await other.get("/api/budgets"))["budgets"] == []


async def test_budgets_are_listed_page_by_page_and_named_once(service: Service) -> None:
    project = await service.project()
    made = [await make(project, name=str(number)) for number in range(5)]
    first = await project.get("/api/budgets", limit=3)
    rest = await project.get("/api/budgets", limit=3, cursor=first["next"])
    assert [one["id"] for one in first["budgets"] + rest["budgets"]] == made
    assert rest["next"] is None
    again = {"name": "0", "scope": "project", "metric": "tokens", "limit": 1, "period": "day"}
    assert (await project.admin.post("/api/budgets", json=again)).status_code == 409


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
async def test_sums_are_exact_in_every_time_zone(service: Service, zone: str) -> None:
    project = await service.project()
    budget = await make(project, period="day", timezone=zone)
    status = await project.get(f"/api/budgets/{budget}/status")
    row = (await service.execute("SELECT (CAST(:day AS timestamp) AT TIME ZONE :zone) AS midnight",
                                 day=datetime.fromisoformat(status["period_start"]), zone=zone))[0]  # fmt: skip
    start = row.midnight
    now = datetime.now(UTC)
    await post(project, spend("before", 1, occurred_at=(start - timedelta(seconds=1)).isoformat()),
               spend("first", 10, occurred_at=start.isoformat()), spend("now", 100, occurred_at=now.isoformat()))  # fmt: skip
    assert (await project.get(f"/api/budgets/{budget}/status"))["used"] == 110


async def check(project: Project, budget: str, estimate: float, **others: Any) -> dict[str, Any]:
    answer = await project.ingest.post(f"/api/budgets/{budget}/check", json={"estimate": estimate, **others})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_check_holds_until_it_is_settled_or_expires(service: Service) -> None:
    project = await service.project()
    budget = await make(project, limit=100)
    held = await check(project, budget, 60)
    assert held["allowed"]
    assert not (await check(project, budget, 60))["allowed"]
    for outcome in ("settled", "duplicate"):
        answer = await project.ingest.post(
            f"/api/budgets/{budget}/settle", json={"reservation_id": held["reservation_id"]}
        )
        assert answer.json()["outcome"] == outcome
    await post(project, spend("a", 40))
    assert (await check(project, budget, 60, expires_in_seconds=1))["allowed"]
    assert not (await check(project, budget, 1))["allowed"]
    await asyncio.sleep(1.1)
    assert (await check(project, budget, 60))["allowed"]
    assert (await project.read.post(f"/api/budgets/{budget}/check", json={"estimate": 1})).status_code == 403


async def reserve_at_once(service: Service, calls: int) -> tuple[int, Decimal]:
    """Checks of 10 of a budget of 5,000, from four processes' worth of `Checks`; how many passed, and what is held."""
    project = await service.project()
    budget = await make(project, limit=5_000)
    [row] = await service.execute("SELECT project_id, budget_id FROM budgets")
    assert str(row.budget_id) == budget
    engine = service.state["engine"]
    processes = [reservations.Checks(Shares(engine, gate_of(2))) for _ in range(4)]
    decisions = await asyncio.gather(
        *[processes[n % 4].check(row.project_id, row.budget_id, Decimal(10), 600) for n in range(calls)]
    )
    [[held]] = await service.execute("SELECT sum(amount) FROM reservations")
    return sum(one.reservation_id is not None for one in decisions), held


async def test_ten_thousand_checks_at_once_never_hold_more_than_the_limit(service: Service) -> None:
    assert await reserve_at_once(service, 10_000) == (500, Decimal(5_000))


async def test_the_check_above_fails_without_the_lock(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same calls, one by one and without the lock."""
    monkeypatch.setattr(reservations, "LOCK_BUDGET", FIND_BUDGET)
    meeting = asyncio.Barrier(4)
    reserve = reservations.reserve

    async def together(connection: Any, values: Any, held: Sequence[Any]) -> Any:
        async with asyncio.timeout(5):
            await meeting.wait()
        return await reserve(connection, values, held)

    monkeypatch.setattr(reservations, "reserve", together)
    passed, held = await reserve_at_once(service, 2_000)
    assert passed > 500
    assert held > 5_000


async def test_checks_over_http_from_many_callers_stay_within_the_limit(service: Service) -> None:
    project = await service.project()
    budget = await make(project, limit=1_000)
    answers = await asyncio.gather(*[check(project, budget, 10) for _ in range(300)])
    assert sum(answer["allowed"] for answer in answers) == 100
    assert (await project.get(f"/api/budgets/{budget}/status"))["reserved"] == 1_000


async def test_projections_are_stored_and_compared_with_the_end_of_their_period(service: Service) -> None:
    project = await service.project()
    budget = await make(project, name="young")
    now = datetime.now(UTC)
    await keep_budgets(service.tools)
    told = await project.get(f"/api/budgets/{budget}/projection")
    assert told["projection"]["method"] == "insufficient_history"
    assert told["projection"]["projected"] is None
    budget = await make(project, limit=100_000)
    month = (now.replace(day=1) - timedelta(days=35)).replace(day=1, hour=12)
    first = month - timedelta(days=40)
    days = [first + timedelta(days=n) for n in range((now - first).days + 1)]
    await post(project, *[spend(str(day), 1_000, occurred_at=min(day, now).isoformat()) for day in days])
    for number in (7, 8, 10, 15, 20):  # the eighth is not among the days that are told
        await keep_budgets(service.tools, month.replace(day=number))
    assert (await keep_budgets(service.tools, now))["closed"] == 1
    told = await project.get(f"/api/budgets/{budget}/projection")
    assert told["projection"]["confidence"] in ("high", "medium", "low")
    assert told["projection"]["low"] <= told["projection"]["projected"] <= told["projection"]["high"]
    assert [(day["day"], day["periods"]) for day in told["accuracy"]] == [(7, 1), (10, 1), (15, 1), (20, 1)]
    async with service.tools.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT actual, projected, error_percent, day_number, low, high"
                                              " FROM projections WHERE actual IS NOT NULL"))).all()  # fmt: skip
    by_day = {row.day_number: row for row in rows if row.error_percent is not None}
    for day in told["accuracy"]:
        row = by_day[day["day"]]
        assert day["mean_error_percent"] == pytest.approx(float(abs(row.error_percent)))
        assert day["range_held_percent"] == 100 * (row.low <= row.actual <= row.high)
    assert [round(row.error_percent, 6) for row in rows] == [
        round(100 * (row.projected - row.actual) / row.actual, 6) for row in rows
    ]


async def test_a_threshold_is_crossed_anew_once_the_limit_was_raised(service: Service) -> None:
    project = await service.project()
    budget = await make(project, limit=100)
    await post(project, spend("a", 85))
    assert [(await keep_budgets(service.tools))["crossings"] for _ in range(2)] == [1, 0]
    await project.admin.patch(f"/api/budgets/{budget}", json={"limit": 200})
    assert (await keep_budgets(service.tools))["crossings"] == 0
    await post(project, spend("b", 80))
    assert [(await keep_budgets(service.tools))["crossings"] for _ in range(2)] == [1, 0]
    status = await project.get(f"/api/budgets/{budget}/status")
    assert [(one["threshold"], one["used"]) for one in status["crossings"]] == [(80, 165)]
    await project.admin.patch(f"/api/budgets/{budget}", json={"limit": 190})  # lower: what was told is told
    assert (await keep_budgets(service.tools))["crossings"] == 0


async def test_a_period_that_was_over_before_the_budget_was_made_crossed_nothing(service: Service) -> None:
    """It was an alert for yesterday, from a limit that nobody had set yet."""
    project = await service.project()
    yesterday = datetime.now(UTC) - DAY
    await post(project, spend("a", 100, occurred_at=yesterday.isoformat()))
    budget = await make(project, limit=100, period="day", thresholds=[100])
    assert (await keep_budgets(service.tools))["crossings"] == 0
    await service.execute("UPDATE budgets SET made_at = made_at - interval '2 days'")
    with capture_logs() as lines:
        assert (await keep_budgets(service.tools))["crossings"] == 1  # of yesterday: it came late
    [line] = [line for line in lines if line["event"] == "budget_crossed"]
    assert (line["state"], line["limit"], line["period_start"]) == ("exceeded", "100", str(yesterday.date()))
    assert "level" not in line  # it would be taken for the line's own, and be lost
    assert (await project.get(f"/api/budgets/{budget}/status"))["state"] == "ok"


async def test_amounts_of_tokens_are_whole_in_every_answer(service: Service) -> None:
    project = await service.project()
    budget = await make(project, limit=100)
    held = await check(project, budget, 50.5)
    assert (held["used"], held["reserved"], held["limit"]) == (0, 51, 100)
    assert not (await check(project, budget, 49.5))["allowed"]
    assert (await project.get(f"/api/budgets/{budget}/status"))["reserved"] == 51


async def test_a_budget_is_changed_and_its_crossings_stay(service: Service) -> None:
    project = await service.project()
    budget = await make(project, limit=100)
    await make(project, name="other")
    await post(project, spend("a", 85))
    await keep_budgets(service.tools)

    async def change(**sent: Any) -> Any:
        return await project.admin.patch(f"/api/budgets/{budget}", json=sent)

    changed = (await change(name="all of us", limit=1_000)).json()
    assert (changed["name"], changed["limit"], changed["thresholds"]) == ("all of us", 1_000, [80, 90, 100])
    assert changed == await project.get(f"/api/budgets/{budget}")
    assert (await check(project, budget, 900))["allowed"]
    status = await project.get(f"/api/budgets/{budget}/status")
    assert (status["state"], [one["threshold"] for one in status["crossings"]]) == ("ok", [80])
    assert (await change(limit=90, thresholds=[80, 50])).json()["thresholds"] == [50, 80]
    assert not (await check(project, budget, 1))["allowed"]
    assert (await keep_budgets(service.tools))["crossings"] == 1
    status = await project.get(f"/api/budgets/{budget}/status")
    assert [(one["threshold"], one["used"]) for one in status["crossings"]] == [(50, 85), (80, 85)]
    assert (await change(name="other")).status_code == 409
    assert (await change()).status_code == 422
    for name, wrong in (("limit", 0), ("limit", 1.5), ("thresholds", []), ("thresholds", [8, 8]), ("period", "day")):
        assert (await change(**{name: wrong})).status_code == 422, (name, wrong)
    assert (await project.read.patch(f"/api/budgets/{budget}", json={"limit": 1})).status_code == 403
    other = await service.project("other")
    assert (await other.admin.patch(f"/api/budgets/{budget}", json={"limit": 1})).status_code == 404
