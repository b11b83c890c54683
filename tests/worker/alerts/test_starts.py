"""Each project has the default rules once, and none of them is armed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.alerts.defaults import DEFAULT_RULES
from tests.worker.stored import OTHER_PROJECT, PROJECT, rows
from worker.alerts.starts import list_unstarted, start


async def test_a_default_rule_that_people_delete_stays_away(engine: AsyncEngine) -> None:
    assert set(await list_unstarted(engine)) == {PROJECT, OTHER_PROJECT}
    await start(engine, PROJECT)
    assert await list_unstarted(engine) == [OTHER_PROJECT]
    made = await rows(engine, "SELECT name, is_armed FROM alert_rules")
    assert {name for name, _ in made} == set(DEFAULT_RULES)
    assert not any(is_armed for _, is_armed in made)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM alert_rules"))
    assert (await start(engine, PROJECT)).counts == {"started": 0}
    assert await rows(engine, "SELECT 1 FROM alert_rules") == []
