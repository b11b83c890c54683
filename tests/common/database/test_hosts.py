"""Of several servers the one that takes writes is asked, and pools leave one that does not any more."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from common.database import make_engine
from common.database.hosts import Host, Servers, find_servers, servers_of
from common.settings import Settings
from tests.chaos.proxy import Proxy

A, B, C = Host("a", 5432), Host("b", 5433), Host("::1", 5432)


class Connection:
    """Stands for asyncpg's."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a host does when it is asked (an exception, or nothing: it takes the connection), and in which order they were
    asked, with how much time."""
    world: dict[str, Any] = {"fails": {}, "order": [], "options": []}

    async def connect(*, host: str, **options: Any) -> Connection:
        world["order"].append(host)
        world["options"].append(options)
        if failure := world["fails"].get(host):
            raise failure
        return Connection()

    monkeypatch.setattr(asyncpg, "connect", connect)
    return world


@pytest.mark.parametrize(
    "failure",
    [
        OSError("refused"),
        TimeoutError(),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TargetServerAttributeNotMatched("it follows"),
        asyncpg.ConnectionDoesNotExistError("closed"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_the_next_one_is_asked_and_stays_the_first_that_is(asked: dict[str, Any], failure: Exception) -> None:
    servers = Servers((A, B), "read-write")
    asked["fails"]["a"] = failure
    await servers.connect(timeout=5.0, user="mayday")
    await servers.connect(timeout=5.0, user="mayday")
    assert asked["order"] == ["a", "b", "b"]
    assert asked["options"][0] == {
        "port": 5432, "timeout": 2.5, "user": "mayday", "target_session_attrs": "read-write",
    }  # fmt: skip
    asked["fails"] = {"b": failure}
    await servers.connect(timeout=5.0)
    assert servers.current == A


async def test_where_none_will_do_it_is_said_why(asked: dict[str, Any]) -> None:
    asked["fails"] = {"a": OSError("no route"), "b": TimeoutError("too slow")}
    with pytest.raises(TimeoutError, match="too slow"):
        await Servers((A, B), "read-write").connect(timeout=1.0)


def test_a_url_of_one_server_needs_none_of_this() -> None:
    assert find_servers("postgresql://u:p@a/mayday") is None
    assert find_servers("postgresql:///mayday?host=/run/postgresql") is None


def test_a_url_says_which_servers_there_are_and_which_will_do() -> None:
    found = find_servers("postgresql://u:p%40x@a,b:5433,[::1]/mayday?target_session_attrs=any")
    assert found is not None
    assert (found.hosts, found.wanted) == ((A, B, C), "any")
    other = find_servers("postgresql://u:p%40x@a,b:5433/mayday")
    assert other is not None
    assert other.wanted == "read-write"
    assert other is servers_of((A, B), "read-write")


async def test_a_pool_leaves_the_server_that_another_pool_found_to_be_left(settings: Settings) -> None:
    socket = Path(parse_qs(urlsplit(settings.database_url).query)["host"][0]) / ".s.PGSQL.5432"
    name = urlsplit(settings.database_url).path
    async with Proxy(socket) as first, Proxy(socket) as second:
        url = f"postgresql://mayday@127.0.0.1:{first.port},127.0.0.1:{second.port}{name}"
        servers = find_servers(url)
        assert servers is not None
        engine = make_engine(settings.model_copy(update={"database_url": url}), "test", pool_size=2)
        async with engine.connect() as connection:
            before = await connection.scalar(text("SELECT pg_backend_pid()"))
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT pg_backend_pid()")) == before
        first.refuse()
        await servers.connect(timeout=5.0, user="mayday", database=name.strip("/"))
        assert servers.current == Host("127.0.0.1", second.port)
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT pg_backend_pid()")) != before
        await engine.dispose()


async def test_a_server_that_takes_no_writes_any_more_is_left_by_its_pool(settings: Settings) -> None:
    engine = make_engine(settings, "test", pool_size=1)
    async with engine.connect() as connection:
        before = await connection.scalar(text("SELECT pg_backend_pid()"))
        await connection.execute(text("SET default_transaction_read_only = on"))
        await connection.commit()
    with pytest.raises(Exception, match="read-only"):
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM job_runs"))
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != before
    await engine.dispose()
