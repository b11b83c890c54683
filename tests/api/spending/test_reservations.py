"""Checks of one budget are decided together, in their turn, and each caller hears of its own."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from api.http.problems import NotFound, Overloaded, Unavailable
from api.spending import reservations
from api.spending.budget_schemas import BudgetIn
from api.spending.budgets import add_budget
from api.spending.reservations import Checks, settle
from tests.conftest import Project, Service


async def make(service: Service, project: Project, **others: Any) -> UUID:
    sent = {"name": "all", "scope": "project", "metric": "tokens", "limit": 100, "period": "month", **others}
    async with service.tools.engine.begin() as connection:
        made = await add_budget(connection, project.id, BudgetIn.model_validate(sent))
    assert made is not None
    return made


@pytest.fixture
def checks(service: Service) -> Checks:
    return Checks(service.state["shares"])


async def test_checks_that_wait_are_one_transaction_and_a_small_one_passes_where_a_large_one_did_not(
    service: Service, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await service.project()
    budget = await make(service, project)
    batches: list[int] = []
    decide = reservations.decide

    async def note(connection: Any, key: Any, asks: Any) -> Any:
        batches.append(len(asks))
        return await decide(connection, key, asks)

    monkeypatch.setattr(reservations, "decide", note)
    decisions = await asyncio.gather(*[checks.check(project.id, budget, Decimal(n), 60) for n in (60, 60, 40, 1)])
    assert [one.reservation_id is not None for one in decisions] == [True, False, True, False]
    assert [one.reserved for one in decisions] == [60, 60, 100, 100]
    assert batches == [4]
    assert not checks.tasks
    assert not checks.waiting


async def test_a_part_of_a_token_holds_a_whole_one_and_a_part_of_a_usd_itself(service: Service, checks: Checks) -> None:
    project = await service.project()
    tokens, usd = await make(service, project), await make(service, project, name="usd", metric="usd")
    for budget, held in ((tokens, Decimal(1)), (usd, Decimal("0.25"))):
        decision = await checks.check(project.id, budget, Decimal("0.25"), 60)
        assert decision.reserved == held


async def test_what_expired_or_was_settled_holds_nothing(service: Service, checks: Checks) -> None:
    project = await service.project()
    budget = await make(service, project)
    first = await checks.check(project.id, budget, Decimal(100), 60)
    assert (await checks.check(project.id, budget, Decimal(1), 60)).reservation_id is None
    await service.execute("UPDATE reservations SET expires_at = now() - interval '2 days'")
    second = await checks.check(project.id, budget, Decimal(100), 60)
    assert second.reservation_id is not None
    assert first.reservation_id is not None
    async with service.tools.engine.begin() as connection:
        with pytest.raises(NotFound, match="expired a day ago"):  # which the second check has taken away
            await settle(connection, project.id, budget, first.reservation_id)
        assert [await settle(connection, project.id, budget, second.reservation_id) for _ in range(2)] == [True, False]
    assert (await checks.check(project.id, budget, Decimal(100), 60)).reservation_id is not None


async def test_a_check_of_a_budget_that_is_not_there_holds_nothing(service: Service, checks: Checks) -> None:
    project, other = await service.project(), await service.project("other")
    budget = await make(service, project)
    for project_id, budget_id in ((other.id, budget), (project.id, uuid4())):
        with pytest.raises(NotFound, match="no budget with this id"):
            await checks.check(project_id, budget_id, Decimal(1), 60)
    assert await service.execute("SELECT 1 FROM reservations") == []


async def test_a_failure_is_told_to_all_who_wait_without_its_words_and_the_next_are_decided(
    service: Service, checks: Checks
) -> None:
    project = await service.project()
    budget = await make(service, project)
    await service.execute("ALTER TABLE reservations RENAME TO gone")
    with capture_logs() as lines:
        told = await asyncio.gather(
            *[checks.check(project.id, budget, Decimal(1), 60) for _ in range(3)], return_exceptions=True
        )
    assert [line["event"] for line in lines].count("checks_failed") == 1  # of three; the start logs meanwhile
    assert {(type(one), str(one.detail) if isinstance(one, Unavailable) else "") for one in told} == {
        (Unavailable, "this could not be decided now: send it again")
    }
    await service.execute("ALTER TABLE gone RENAME TO reservations")
    assert (await checks.check(project.id, budget, Decimal(1), 60)).reservation_id is not None


async def test_more_checks_than_can_wait_are_told_to_come_again(
    service: Service, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservations, "MAX_WAITING", 2)
    project = await service.project()
    budget = await make(service, project)
    told = await asyncio.gather(
        *[checks.check(project.id, budget, Decimal(1), 60) for _ in range(3)], return_exceptions=True
    )
    assert [isinstance(one, Overloaded) for one in told] == [False, False, True]
