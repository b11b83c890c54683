"""Test messages as rows: few wait at once, each is answered once, old ones go."""

from common.alerts.channel_tests import (
    WAITING_MAX,
    answer_test,
    ask_test,
    delete_old_tests,
    find_test,
    list_waiting,
)
from common.alerts.channels import add_channel, remove_channel
from common.alerts.message import Receipt
from common.sealing import Sealer, make_secret_key
from tests.conftest import Service


async def test_few_wait_each_is_answered_once_and_old_ones_go(service: Service) -> None:
    project, engine = await service.project("shop"), service.tools.engine
    async with engine.begin() as connection:
        channel_id = await add_channel(
            connection, Sealer([make_secret_key()]), project.id,
            name="a", kind="webhook", config={}, hint="x", max_per_hour=1,
        )  # fmt: skip
        assert channel_id is not None
        asked = [await ask_test(connection, project.id, channel_id) for _ in range(WAITING_MAX + 1)]
    assert [test_id is None for test_id in asked] == [False] * WAITING_MAX + [True]
    assert [test.test_id for test in await list_waiting(engine, 2)] == asked[:2]
    first = asked[0]
    assert first is not None
    async with engine.begin() as connection:
        await answer_test(connection, project.id, first, Receipt(True, False, "200 ok"))
        await answer_test(connection, project.id, first, Receipt(False, True, "again"))
        found = await find_test(connection, project.id, first)
        assert found is not None
        assert (found.is_accepted, found.told) == (True, "200 ok")
        assert await ask_test(connection, project.id, channel_id) is not None
    await service.execute(
        "UPDATE channel_tests SET asked_at = now() - interval '25 hours' WHERE answered_at IS NOT NULL"
    )
    assert await delete_old_tests(engine, project.id) == 1
    async with engine.begin() as connection:
        assert await find_test(connection, project.id, first) is None
        await remove_channel(connection, project.id, channel_id)
    assert await list_waiting(engine, 9) == []
