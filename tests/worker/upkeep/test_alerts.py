"""What alerts leave behind goes when its time is over, and what is still owed stays."""

from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import PROJECT, rows
from worker.upkeep.alerts import delete_old_alerts

ADD = text("""
    INSERT INTO notifications (project_id, notification_id, rule_id, channel_id, changes, left_out, made_at, due_at, state,
                               attempts, attempt_at, ended_at, told)
    VALUES (:project_id, gen_random_uuid(), :project_id, :project_id, '[]', 0, now(), now(), :state, 1, now(),
            now() - make_interval(days => :days), '')
""")
ADD_MUTE = text("""
    INSERT INTO alert_mutes (project_id, mute_id, made_at, until, made_by)
    VALUES (:project_id, :mute_id, now(), now() - make_interval(days => :days), 'key')
""")


async def test_only_what_is_over_for_long_goes(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for state, days in (("sent", 91), ("sent", 89), ("due", 91), ("dead", 91)):
            await connection.execute(ADD, {"project_id": PROJECT, "state": state, "days": days})
        for days in (0, 2):
            await connection.execute(ADD_MUTE, {"project_id": PROJECT, "mute_id": uuid4(), "days": days})
    assert (await delete_old_alerts(engine, PROJECT, 90)).counts == {"deleted_alerts": 3}
    assert sorted(str(row[0]) for row in await rows(engine, "SELECT state FROM notifications")) == ["due", "sent"]
    assert len(await rows(engine, "SELECT 1 FROM alert_mutes")) == 1
