"""A transition is there when what it tells is true, and not otherwise."""

from uuid import uuid4

from common.transitions import note_transition
from tests.conftest import Service


async def test_it_is_written_with_its_transaction_or_not_at_all(service: Service) -> None:
    project, subject = await service.project(), uuid4()
    async with service.tools.engine.connect() as connection:
        await note_transition(connection, project.id, "pattern", subject, "spiking", facts={"factor": 7.5})
        await connection.rollback()
    assert await service.execute("SELECT FROM transitions") == []
    async with service.tools.engine.begin() as connection:
        await note_transition(connection, project.id, "pattern", subject, "spiking", facts={"factor": 7.5})
    [row] = await service.execute("SELECT name, facts, decided_by, subject_id FROM transitions")
    assert (row.name, row.facts, row.decided_by, row.subject_id) == ("spiking", {"factor": 7.5}, None, subject)
