"""Channels as rows: another key opens them after they were sealed anew, and a receipt stands on them."""

from uuid import uuid4

import pytest

from common.alerts.channels import (
    add_channel,
    change_channel,
    find_channel,
    note_receipt,
    open_channel,
    remove_channel,
    reseal_all,
)
from common.alerts.message import Receipt
from common.sealing import NotOpened, Sealer, make_secret_key
from tests.conftest import Service

OLD, NEW = make_secret_key(), make_secret_key()


async def test_sealed_anew_the_old_key_may_go(service: Service) -> None:
    project, engine = await service.project(), service.tools.engine
    async with engine.begin() as connection:
        ids = [
            await add_channel(
                connection, Sealer([OLD]), project.id,
                name=str(number), kind="webhook", config={"url": number}, hint="x", max_per_hour=1,
            )
            for number in range(5)
        ]  # fmt: skip
    assert await reseal_all(engine, Sealer([NEW, OLD]), most=2) == 5
    async with engine.begin() as connection:
        for number, channel_id in enumerate(ids):
            assert channel_id is not None
            opened = await open_channel(connection, Sealer([NEW]), project.id, channel_id)
            assert opened is not None
            assert opened.config == {"url": number}
            with pytest.raises(NotOpened):
                await open_channel(connection, Sealer([OLD]), project.id, channel_id)
        assert await open_channel(connection, Sealer([NEW]), project.id, uuid4()) is None
    with pytest.raises(NotOpened):
        await reseal_all(engine, Sealer([OLD]))


async def test_how_sending_went_stands_on_the_channel_until_it_leads_elsewhere(service: Service) -> None:
    project = await service.project()
    async with service.tools.engine.begin() as connection:
        channel_id = await add_channel(
            connection, Sealer([NEW]), project.id, name="a", kind="webhook", config={}, hint="x", max_per_hour=1
        )
        assert channel_id is not None
        await note_receipt(connection, project.id, channel_id, Receipt(False, True, "500 oh"))
        await note_receipt(connection, project.id, channel_id, Receipt(True, False, "200 ok"))
        row = await find_channel(connection, project.id, channel_id)
        assert row is not None
        assert (row.last_failure, row.last_failed_at, row.last_sent_at) == (
            "500 oh",
            row.last_sent_at,
            row.last_failed_at,
        )
        assert row.last_sent_at is not None
        assert await change_channel(connection, Sealer([NEW]), project.id, channel_id, config={}, hint="y")
        row = await find_channel(connection, project.id, channel_id)
        assert row is not None
        assert (row.hint, row.last_failure, row.last_failed_at) == ("y", None, None)
        assert await remove_channel(connection, project.id, channel_id)
        assert not await remove_channel(connection, project.id, channel_id)
        assert not await change_channel(connection, Sealer([NEW]), project.id, channel_id, name="b")
