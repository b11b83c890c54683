"""Finished work is noted once, by its project."""

from datetime import UTC, datetime

from api.spending.deliverables import add_deliverable
from api.spending.usage_schemas import DeliverableIn
from api.storing.flusher import Outcome
from tests.conftest import Service

DONE = DeliverableIn(ref="PR-17", team="ops", kind="pull_request", completed_at=datetime(2026, 2, 3, tzinfo=UTC))


async def test_work_of_that_name_stays_as_it_was_noted_first_and_another_projects_is_its_own(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    again = DONE.model_copy(update={"team": "web"})
    async with service.tools.engine.begin() as connection:
        outcomes = [
            await add_deliverable(connection, of, one)
            for of, one in ((project.id, DONE), (project.id, again), (other.id, again))
        ]
    assert outcomes == [Outcome.stored, Outcome.duplicate, Outcome.stored]
    rows = await service.execute("SELECT team FROM deliverables WHERE project_id = :id", id=project.id)
    assert [row.team for row in rows] == ["ops"]
