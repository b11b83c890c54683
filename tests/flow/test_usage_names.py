"""Teams, agents and models of a project are summed up apart up to a limit, and no sum is wrong beyond it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from common.settings import Settings
from common.tables.columns import OVERFLOW_NAME
from common.telemetry import metrics
from tests.conftest import Project, Service, run_service
from tests.flow.test_usage import override, post, record, sums
from worker.upkeep.usage_retention import delete_old_usage

NAMES_MAX = 3


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with run_service(settings.model_copy(update={"usage_names_max": NAMES_MAX})) as running:
        yield running


async def by_team(service: Service) -> dict[str, int]:
    return {row["team"]: row["records"] for row in await sums(service, 1440)}


async def test_random_names_make_no_more_sums_than_a_project_may_have_and_lose_no_token(service: Service) -> None:
    project, counted = await service.project(), metrics.OVERFLOW_USAGE.of("agent")._value.get()
    for some in range(3):
        numbers = range(20 * some, 20 * some + 20)
        await post(project, *[record(n, team=f"team-{n % 2}", agent=f"request-{n}") for n in numbers])
    rows = await sums(service)
    assert {row["agent"] for row in rows} == {OVERFLOW_NAME, *(f"request-{n}" for n in (0, 1, 10))}
    assert {row["team"] for row in rows} == {"team-0", "team-1"}
    assert (sum(row["records"] for row in rows), sum(row["tokens"] for row in rows)) == (60, 60 * 12_450)
    assert metrics.OVERFLOW_USAGE.of("agent")._value.get() == counted + 57
    [[agents]] = await service.execute("SELECT count(DISTINCT agent) FROM usage_records")
    assert agents == 60


async def test_what_is_known_stays_apart_when_others_overflow_and_other_projects_have_room(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    await post(project, record(0, team="known"))
    await post(project, *[record(n, team=f"a-{n}") for n in range(1, 9)])
    await post(project, record(9, team="known"))
    assert await by_team(service) == {"known": 2, "a-1": 1, "a-2": 1, OVERFLOW_NAME: 6}
    await post(other, record(0, team="apart"))
    assert (await by_team(service))["apart"] == 1


async def test_what_a_budget_is_for_is_always_summed_up_apart(service: Service) -> None:
    project = await service.project()
    await post(project, *[record(n, team=f"team-{n}") for n in range(5)])
    sent: dict[str, Any] = {"name": "late", "scope": "team", "scope_value": "late", "metric": "tokens",
                            "limit": 10, "period": "month"}  # fmt: skip
    assert (await project.admin.post("/api/budgets", json=sent)).status_code == 201
    await post(project, record(5, team="late"), record(6, team="other"))
    assert {team: n for team, n in (await by_team(service)).items() if n} == {
        "team-0": 1, "team-1": 1, "team-2": 1, "late": 1, OVERFLOW_NAME: 3,
    }  # fmt: skip


async def test_pricing_again_meets_the_sums_that_records_are_in(service: Service) -> None:
    project = await service.project()
    await post(project, *[record(n, team=f"team-{n}", agent=f"agent-{n}") for n in range(5)])
    await service.execute("DELETE FROM usage_names")  # as when others went unseen: there is room again
    await override(project, input="2", output="10", starts_at="2026-02-01T00:00:00Z")
    span = {"since": "2026-02-01T00:00:00Z", "until": "2026-03-01T00:00:00Z", "dry_run": False}
    assert (await project.admin.post("/api/prices/reprice", json=span)).json()["changed"] == 5
    costs = {row["team"]: row["cost_usd"] for row in await sums(service)}
    assert costs == {f"team-{n}": Decimal("0.0747") for n in range(3)} | {OVERFLOW_NAME: Decimal("0.1494")}


async def test_a_name_that_was_not_seen_for_eight_days_makes_room(service: Service) -> None:
    project = await service.project()
    await post(project, *[record(n, team=f"team-{n}") for n in range(4)])
    await service.execute(
        "UPDATE usage_names SET last_seen = now() - interval '8 days' WHERE name IN ('team-0', 'team-1')"
    )
    await post(project, record(5, team="team-1"))  # seen again in time
    assert (await delete_old_usage(service.tools.engine, project.id, 400, 1_100)).counts == {"deleted_usage": 1}
    await post(project, record(6, team="new"))
    assert (await by_team(service))["new"] == 1


async def test_an_answer_of_sums_shows_the_overflow_as_a_name(service: Service) -> None:
    project: Project = await service.project()
    await post(project, *[record(n, model=f"model-{n}") for n in range(5)])
    page = await project.get("/api/usage", since="2026-02-01", until="2026-03-01")
    assert [(row["model"], row["records"]) for row in page["sums"]] == [
        (OVERFLOW_NAME, 2), ("model-0", 1), ("model-1", 1), ("model-2", 1),
    ]  # fmt: skip
