"""Engines: how Postgres is reached, what puts an end to a statement, and what is left out behind a pooler."""

from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.database import (
    limiting_statement,
    make_engine,
    one_server,
    sqlalchemy_url,
    time_limits,
    without_transactions,
)
from common.settings import Settings
from common.telemetry import metrics
from tests.conftest import Stores, execute

NOWHERE = Settings.load(
    database_url="postgresql://nowhere/none", database_statement_seconds=20, database_lock_seconds=1.5
)


@pytest.mark.parametrize(
    "url", ["postgres://a:p%40b@h:5433/d", "postgresql://a:p%40b@h:5433/d", "postgresql+asyncpg://a:p%40b@h:5433/d"]
)
def test_every_way_to_write_the_scheme_leads_to_the_one_driver(url: str) -> None:
    read = sqlalchemy_url(url)
    assert (read.drivername, read.password, read.port, read.database) == ("postgresql+asyncpg", "p@b", 5433, "d")


def test_the_server_stops_a_statement_a_second_before_the_program_gives_up() -> None:
    limits = time_limits(NOWHERE)
    assert (limits["statement_timeout"], limits["lock_timeout"]) == ("19000", "1500")
    short = time_limits(NOWHERE.model_copy(update={"database_statement_seconds": 1.2}))
    assert short["statement_timeout"] == "500"


async def test_a_connection_has_its_limits_its_name_and_utc(settings: Settings) -> None:
    if settings.database_pooler == "transaction":
        pytest.skip("behind a pooler a session has no settings")
    engine = make_engine(settings, "test", pool_size=2, session={"plan_cache_mode": "force_generic_plan"})
    async with engine.connect() as connection:
        wanted = time_limits(settings) | {"timezone": "UTC", "plan_cache_mode": "force_generic_plan"}
        shown = {name: await connection.scalar(text("SELECT setting FROM pg_settings WHERE lower(name) = :name"), {"name": name})
                 for name in wanted}  # fmt: skip
        assert shown == wanted
        name = await connection.scalar(text("SELECT current_setting('application_name')"))
        assert name.startswith("mayday-test/2@")
    await engine.dispose()


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(settings: Settings) -> None:
    engine = make_engine(settings.model_copy(update={"database_statement_seconds": 1.5}), "test")
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="statement timeout"):
            await connection.execute(text("SELECT pg_sleep(5)"))
    await engine.dispose()


async def test_the_metrics_know_how_many_connections_are_in_use(settings: Settings) -> None:
    name = f"test{uuid4().hex}"
    engine = make_engine(settings, name, pool_size=3)
    in_use = metrics.POOL_IN_USE.of(name)
    before = in_use._value.get()
    async with engine.connect(), engine.connect():
        assert in_use._value.get() == before + 2
    assert in_use._value.get() == before
    await engine.dispose()


async def test_connections_that_broke_and_cannot_be_opened_again_are_not_in_use(
    settings: Settings, servers: Stores
) -> None:
    """SQLAlchemy gives such a one back without having handed it out."""
    name = f"test{uuid4().hex}"
    engine, in_use = make_engine(settings, name), metrics.POOL_IN_USE.of(name)._value
    async with engine.connect() as connection:
        database = await connection.scalar(text("SELECT current_database()"))
        await execute(servers.database_url, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        assert in_use.get() == 1
        await connection.invalidate()
    for _ in range(3):
        with pytest.raises(DBAPIError, match="not currently accepting"):
            async with engine.connect():
                pass
    assert in_use.get() == 0
    await engine.dispose()


async def test_reads_without_transactions_send_none_and_behind_a_pooler_they_keep_theirs(settings: Settings) -> None:
    engine = make_engine(settings, "test")
    pooled = settings.model_copy(update={"database_pooler": "transaction"})
    assert without_transactions(engine, pooled) is engine
    direct = settings.model_copy(update={"database_pooler": "none"})
    async with without_transactions(engine, direct).connect() as connection:
        ids = [await connection.scalar(text("SELECT pg_current_xact_id()::text")) for _ in range(2)]
    assert len(set(ids)) == 2
    await engine.dispose()


async def test_a_statement_of_the_driver_is_a_transaction_with_limits_behind_a_pooler_alone(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url)
    try:
        for pooler, is_one in (("none", False), ("transaction", True)):
            async with one_server(connection, settings.model_copy(update={"database_pooler": pooler})):
                assert connection.is_in_transaction() is is_one
                shown = await connection.fetchval("SHOW lock_timeout")
                assert (shown != "0") is is_one
    finally:
        await connection.close()
    assert limiting_statement(NOWHERE).count("true)") == len(time_limits(NOWHERE))
