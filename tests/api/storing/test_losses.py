"""What senders lost is added up in memory and written, also after Postgres was away; its words are few."""

from uuid import uuid4

import pytest

from api.storing import losses
from api.storing.losses import Losses
from tests.conftest import Service

ROWS = "SELECT project_id, reason, category, count FROM sender_losses ORDER BY count"


async def test_losses_of_several_processes_are_added_up(service: Service) -> None:
    one, other, project_id = Losses(service.tools.engine), Losses(service.tools.engine), uuid4()
    for noted in (one, other, one):
        noted.note(project_id, "queue_overflow", "error", 3)
        await noted.write()
    await one.write()  # nothing
    assert await service.execute(ROWS) == [(project_id, "queue_overflow", "error", 9)]


async def test_what_postgres_does_not_take_waits(service: Service) -> None:
    noted, project_id = Losses(service.tools.engine), uuid4()
    noted.note(project_id, "refused", "error", 2)
    await service.execute("ALTER TABLE sender_losses RENAME TO away")
    await noted.write()
    noted.note(project_id, "refused", "error", 1)
    await service.execute("ALTER TABLE away RENAME TO sender_losses")
    await noted.write()
    assert await service.execute(ROWS) == [(project_id, "refused", "error", 3)]


async def test_words_that_strangers_make_up_are_one(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, project_id = Losses(service.tools.engine), uuid4()
    for number in range(100):
        noted.note(project_id, f"reason {number}", f"category {number}", 1)
    assert len(noted.sums) == 1
    monkeypatch.setattr(losses, "HELD_MAX", 1)
    noted.note(uuid4(), "refused", "error", 1)
    assert len(noted.sums) == 1
