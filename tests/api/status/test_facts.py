"""What Postgres says of itself, told so that operators can act on it."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from api.status import facts
from common import disk_forecast
from common.database.connections import Crowd
from tests.conftest import Service


def table(name: str, size: int, partition_of: str | None = None, day: date | None = None) -> Any:
    return SimpleNamespace(
        table_name=partition_of or name, name=name, is_partition=partition_of is not None, day=day, size_bytes=size
    )


def test_a_table_is_as_large_as_its_partitions_and_the_largest_comes_first() -> None:
    day = date(2026, 11, 29)
    tables = facts.list_tables(
        [
            table("deltas", 50),
            table("errors", 0),
            table("errors_default", 1, "errors"),
            table("errors_20261129", 99, "errors", day),
        ]
    )
    assert [(one.name, one.size_bytes) for one in tables] == [("errors", 100), ("deltas", 50)]
    assert [(one.name, one.day) for one in tables[0].partitions] == [("errors_default", None), ("errors_20261129", day)]
    assert tables[1].partitions == []


@pytest.mark.parametrize(("disk_bytes", "is_known"), [(0, False), (1, True)])
async def test_the_day_on_which_the_disk_is_full_is_told_where_its_size_is_known(
    service: Service, monkeypatch: pytest.MonkeyPatch, disk_bytes: int, is_known: bool
) -> None:
    monkeypatch.setattr(disk_forecast, "grow_per_day", lambda *_: 1_000.0)
    told = await facts.find_installation(
        service.tools.engine, service.settings.model_copy(update={"disk_bytes": disk_bytes})
    )
    assert (told.full_on is not None, told.disk_bytes) == (is_known, disk_bytes or None)
    assert told.growth_bytes_per_day == 1_000
    assert {one.name for one in told.tables} >= {"errors", "deltas", "projects"}


async def test_before_a_whole_day_of_errors_nothing_is_foretold(service: Service) -> None:
    told = await facts.find_installation(service.tools.engine, service.settings.model_copy(update={"disk_bytes": 1}))
    assert (told.growth_bytes_per_day, told.full_on) == (None, None)


async def test_behind_a_pooler_nothing_is_said_of_connections(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find(_engine: object) -> Crowd:
        return Crowd({"api": 2}, 18, 1, 97)

    monkeypatch.setattr(facts, "find_crowd", find)
    for pooler, may_open, processes in (("none", 18, {"api": 2}), ("transaction", None, None)):
        settings = service.settings.model_copy(update={"database_pooler": pooler})
        installation = await facts.find_installation(service.tools.engine, settings)
        assert installation.connections_may_open == may_open
        assert (await facts.find_service(service.tools.engine, settings)).processes == processes
