"""What people say of an error is kept once, in its project."""

from uuid import uuid4

from api.storing.feedback import Feedback, add_feedback
from tests.conftest import Service


async def test_what_was_said_twice_is_kept_once_and_whole(service: Service) -> None:
    project_id, said = uuid4(), Feedback(uuid4(), uuid4(), "Ann", None, "it broke", "http://x/")
    for _ in range(2):
        async with service.tools.engine.begin() as connection:
            await add_feedback(connection, project_id, [said, said])
    rows = await service.execute("SELECT project_id, event_id, feedback_id, name, email, url, message FROM feedback")
    assert rows == [(project_id, said.event_id, said.feedback_id, "Ann", None, "http://x/", "it broke")]
