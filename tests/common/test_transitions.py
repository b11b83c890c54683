"""A transition is there when what it tells is true, and not otherwise; it goes when its time is over."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from common.transitions import DELETE_OLD_TRANSITIONS, Noted, list_changes, note_transition, note_transitions
from tests.conftest import Service


async def test_it_is_written_with_its_transaction_or_not_at_all(service: Service) -> None:
    project, subject = await service.project(), uuid4()
    noted = Noted("pattern", subject, "spiking", {"factor": 7.5})
    async with service.tools.engine.connect() as connection:
        await note_transition(connection, project.id, noted)
        await connection.rollback()
    assert await service.execute("SELECT FROM transitions") == []
    async with service.tools.engine.begin() as connection:
        await note_transition(connection, project.id, noted)
    [row] = await service.execute("SELECT name, facts, decided_by, subject_id FROM transitions")
    assert (row.name, row.facts, row.decided_by, row.subject_id) == ("spiking", {"factor": 7.5}, None, subject)


async def test_those_of_one_transaction_have_one_time_and_are_listed_in_their_order(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    async with service.tools.engine.begin() as connection:
        await note_transitions(connection, project.id, [Noted("pattern", uuid4(), f"n{n}") for n in range(50)])
        await note_transitions(connection, project.id, [])
    now = datetime.now(UTC)
    async with service.tools.engine.connect() as connection:
        changes = await list_changes(connection, project.id, now - timedelta(hours=1), now + timedelta(hours=1), 100)
        assert await list_changes(connection, other.id, now - timedelta(hours=1), now, 100) == []
        assert (
            len(await list_changes(connection, project.id, now - timedelta(hours=1), now + timedelta(hours=1), 7)) == 7
        )
    assert [one.name for one in changes] == [f"n{n}" for n in range(50)]
    assert len({one.happened_at for one in changes}) == 1


async def test_old_ones_go_and_what_people_decided_stays_as_long_as_its_pattern(service: Service) -> None:
    project = await service.project()
    await project.send({"service": "shop", "severity": "error", "message": "order 1"})
    await service.run_worker()
    [pattern] = await service.execute("SELECT pattern_id FROM patterns")
    async with service.tools.engine.begin() as connection:
        for subject, decided_by in ((pattern.pattern_id, None), (pattern.pattern_id, "key"), (uuid4(), "key")):
            await note_transition(connection, project.id, Noted("pattern", subject, "x", decided_by=decided_by))
    await service.execute("UPDATE transitions SET happened_at = now() - interval '91 days' WHERE name = 'x'")
    await service.execute(DELETE_OLD_TRANSITIONS.text, project_id=project.id, retention_days=90)
    left = await service.execute("SELECT decided_by FROM transitions WHERE name = 'x'")
    assert [row.decided_by for row in left] == ["key"]
