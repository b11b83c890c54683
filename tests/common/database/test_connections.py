"""Names of connections, and what they say about the room that is left."""

import os

import pytest
from structlog.testing import capture_logs

from common.database import make_engine
from common.database.connections import check_room, connection_name, count_crowd, find_crowd
from common.settings import Settings

NAMES = [
    "mayday-api/8@web-1:7",
    "mayday-api/8@web-1:7",
    "mayday-writer/2@web-1:7",
    "mayday-api/8@web-2:7",
    "psql",
    None,
]


def test_a_pool_counts_whole_however_many_of_its_connections_are_open() -> None:
    crowd = count_crowd(NAMES, allowed=100)
    assert crowd.may_open == 18
    assert crowd.others == 2
    assert crowd.processes == {"api": 2, "writer": 1}
    assert crowd.missing == 0


def test_what_is_missing_is_what_all_pools_need_beside_the_others() -> None:
    assert count_crowd(NAMES, allowed=15).missing == 5


def test_a_name_fits_and_keeps_what_tells_processes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    name = connection_name("writer", 12)
    assert len(name) <= 63
    assert name.endswith(f":{os.getpid()}")


async def test_a_start_says_what_may_be_opened_and_what_to_change(settings: Settings) -> None:
    modest, greedy = make_engine(settings, "test", pool_size=3), make_engine(settings, "test", pool_size=900)
    try:
        with capture_logs() as lines:
            await check_room(modest, settings)
        assert [line["event"] for line in lines] == ["connections"]
        assert lines[0]["may_open"] >= 3
        async with greedy.connect():
            with capture_logs() as lines:
                await check_room(modest, settings)
        assert lines[0]["event"] == "too_few_connections"
        assert "max_connections" in lines[0]["problem"]
        assert (await find_crowd(modest)).processes["test"] == 1
    finally:
        await modest.dispose()
        await greedy.dispose()
