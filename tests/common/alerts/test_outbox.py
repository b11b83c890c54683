"""What rules owe stands with its change or not at all, is claimed by one, and comes back when its claim is over."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.alerts import outbox
from common.alerts.rule_rows import add_rule
from common.alerts.rules import RuleTerms
from common.transitions import Noted, note_transitions
from tests.conftest import Project, Service

CHANNEL = uuid4()


async def with_rule(service: Service, **terms: Any) -> Project:
    project = await service.project()
    read = RuleTerms.model_validate({"when": ["new"], **terms})
    async with service.tools.engine.begin() as connection:
        await add_rule(connection, project.id, "rule", read, channels=[CHANNEL], is_armed=True)
    return project


async def note(
    service: Service, project: Project, *subjects: UUID, name: str = "new", facts: Mapping[str, Any] | None = None
) -> None:
    async with service.tools.engine.begin() as connection:
        noted = [Noted("pattern", one, name, {"title": str(one), **(facts or {})}) for one in subjects]
        await note_transitions(connection, project.id, noted)


async def claim(service: Service, project: Project, most: int = 100, seconds: float = 60) -> Sequence[outbox.Claimed]:
    async with service.tools.engine.begin() as connection:
        return await outbox.claim(connection, project.id, CHANNEL, most, seconds)


async def test_a_change_that_is_rolled_back_owes_nothing(service: Service) -> None:
    project = await with_rule(service)
    async with service.tools.engine.connect() as connection:
        await note_transitions(connection, project.id, [Noted("pattern", uuid4(), "new")])
        await connection.rollback()
    assert await service.execute("SELECT FROM notifications") == []
    assert await service.execute("SELECT FROM alert_threads") == []


async def test_what_one_claims_no_other_gets_until_the_claim_is_over(service: Service) -> None:
    project = await with_rule(service)
    for _ in range(3):
        await note(service, project, uuid4())
    first, second = await claim(service, project, 2), await claim(service, project)
    assert (len(first), len(second)) == (2, 1)
    assert await claim(service, project) == []
    await service.execute("UPDATE notifications SET attempt_at = now()")  # as when the time is over
    again = await claim(service, project)
    assert [one.attempts for one in again] == [2, 2, 2]
    assert [one.notification_id for one in again[:2]] == [one.notification_id for one in first]


async def test_many_changes_of_one_transaction_are_one_message_that_says_how_many_more_there_were(
    service: Service,
) -> None:
    project = await with_rule(service)
    await note(service, project, *[uuid4() for _ in range(250)])
    [one] = await claim(service, project)
    assert (len(one.changes), one.left_out) == (outbox.MOST_CHANGES, 150)


async def test_what_waits_for_a_digest_becomes_one_message(service: Service) -> None:
    project = await with_rule(service, digest={"at": "09:00"}, throttle_minutes=0)
    for _ in range(3):
        await note(service, project, *[uuid4() for _ in range(60)])
    assert await claim(service, project) == []
    await service.execute("UPDATE notifications SET attempt_at = now()")
    [one] = await claim(service, project)
    assert (len(one.changes), one.left_out) == (outbox.MOST_CHANGES, 80)
    assert len({change.subject_id for change in one.changes}) == outbox.MOST_CHANGES


async def test_what_comes_while_its_digest_is_sent_is_a_message_of_its_own(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await with_rule(service, digest={"at": "09:00"}, throttle_minutes=0)
    first, second, third = uuid4(), uuid4(), uuid4()
    due_at = datetime.now(UTC) + timedelta(seconds=1)  # for all of them, as it is when the hour strikes meanwhile
    monkeypatch.setattr("common.alerts.evaluation.find_due", lambda *_: due_at)
    await note(service, project, first)
    await service.execute("UPDATE notifications SET attempt_at = now()")
    claimed = await claim(service, project)
    await note(service, project, second)
    async with service.tools.engine.begin() as connection:
        await outbox.end(connection, project.id, [one.notification_id for one in claimed], "sent")
    await note(service, project, third)
    await service.execute("UPDATE notifications SET attempt_at = now() WHERE state = 'due'")
    told = [[change.subject_id for change in one.changes] for one in [*claimed, *await claim(service, project)]]
    assert sorted(told) == sorted([[first], [second], [third]])


async def test_the_window_of_a_service_outlives_the_transaction(service: Service) -> None:
    project = await with_rule(service, gather_minutes=10)
    for _ in range(4):
        await note(service, project, uuid4(), facts={"services": ["shop"]})
    [now] = await claim(service, project)
    await service.execute("UPDATE notifications SET attempt_at = now() WHERE attempts = 0")
    [later] = await claim(service, project)
    assert (len(now.changes), len(later.changes)) == (1, 3)


async def test_a_throttle_outlives_the_transaction(service: Service) -> None:
    project, pattern = await with_rule(service, when=["spiking"]), uuid4()
    for _ in range(3):
        await note(service, project, pattern, name="spiking")
    assert len(await claim(service, project)) == 1


async def test_the_rules_of_another_project_owe_nothing(service: Service) -> None:
    await with_rule(service)
    other = await service.project("other")
    await note(service, other, uuid4())
    assert await service.execute("SELECT FROM notifications") == []


async def test_an_end_is_noted_once(service: Service) -> None:
    project = await with_rule(service)
    await note(service, project, uuid4())
    [one] = await claim(service, project)
    async with service.tools.engine.begin() as connection:
        await outbox.end(connection, project.id, [one.notification_id], "sent", "200")
        await outbox.end(connection, project.id, [one.notification_id], "dead", "late")
        assert await outbox.count_sent(connection, project.id, CHANNEL) == 1
    assert [tuple(row) for row in await service.execute("SELECT state, told FROM notifications")] == [("sent", "200")]
