"""What a read that no cache holds asks of Postgres."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from api.reads.catalogue import Asked, Read
from api.reads.entries import ERROR_PAGE, ONE_PATTERN, RECENT
from common.settings import Settings
from tests.conftest import Project, Service

POOL_SIZE = 4  # the worker needs so many
PLANS = """
SELECT coalesce(sum(generic_plans), 0)::int, coalesce(sum(custom_plans), 0)::int FROM pg_prepared_statements
WHERE strpos(statement, $1) > 0
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    if settings.database_pooler == "transaction":
        pytest.skip("behind a pooler no statement outlives its transaction")
    return settings.model_copy(update={"database_pool_size": POOL_SIZE})


@asynccontextmanager
async def all_drivers(service: Service) -> AsyncIterator[list[Any]]:
    """All connections of the API's pool; nobody else has one meanwhile."""
    async with AsyncExitStack() as stack:
        engine = service.state["read_shares"].engine
        held = [await stack.enter_async_context(engine.connect()) for _ in range(POOL_SIZE)]
        yield [(await connection.get_raw_connection()).driver_connection for connection in held]


async def listen(service: Service) -> list[str]:
    """What is sent to Postgres from now on, other than by the flushers: statements, and what stands around them."""
    sent: list[str] = []

    def note(record: Any) -> None:
        sent.append(record.query)

    @event.listens_for(service.state["read_shares"].engine.sync_engine, "before_cursor_execute")
    def note_statement(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        sent.append(statement)

    async with all_drivers(service) as drivers:
        for driver in drivers:
            driver.add_query_logger(note)
    sent.clear()
    return sent


async def count_plans(service: Service, part: str) -> tuple[int, int]:
    """How often statements with this part were executed by a plan for any values, and by one for theirs."""
    async with all_drivers(service) as drivers:
        counts = [tuple(await driver.fetchrow(PLANS, part)) for driver in drivers]
    generic, custom = (sum(column) for column in zip(*counts, strict=True))
    return generic, custom


async def test_a_list_and_a_pattern_are_one_round_trip_each(service: Service) -> None:
    project = await service.project()
    await project.send(*[{"service": "shop", "severity": "error", "message": f"payment {n} failed"} for n in range(9)])
    await service.run_worker()
    [pattern] = (await project.get("/api/errors/patterns"))["patterns"]
    reads: list[tuple[Read[Any], dict[str, int]]] = [
        (RECENT, {"limit": 7}),
        (ERROR_PAGE, {"limit": 7}),
        (ONE_PATTERN, {}),
    ]
    for read, params in reads:
        asked = Asked(project.id, read.params.model_validate(params), UUID(pattern["id"]))
        for _ in range(POOL_SIZE):
            await read.build(service.state["build_context"], asked)  # a new connection looks at the types that it meets
        sent = await listen(service)
        await read.build(service.state["build_context"], asked)
        assert len(sent) == 1, sent


async def test_errors_of_many_days_are_one_list_newest_first(service: Service) -> None:
    project = await service.project()
    messages = await send_on_many_days(project)
    for limit in (1, 5, 6, 7, 38, 39, 100):
        listed = (await project.get("/api/errors", limit=limit))["errors"]
        assert [error["message"] for error in listed] == messages[:limit]
    long_ago = {"since": "0001-01-02T00:00:00Z", "until": "0001-01-02T12:00:00Z"}
    assert (await project.get("/api/errors", **long_ago))["errors"] == []
    walked: list[str] = []
    cursor = None
    while not walked or cursor:
        page = await project.get("/api/errors", limit=4, **({"cursor": cursor} if cursor else {}))
        walked += [error["message"] for error in page["errors"]]
        cursor = page["next"]
    assert walked == messages


async def test_a_pattern_tells_of_its_latest_errors_whatever_their_days(service: Service) -> None:
    project = await service.project()
    messages = await send_on_many_days(project)
    await service.run_worker()
    [pattern] = (await project.get("/api/errors/patterns", window="7d"))["patterns"]
    page = await project.get(f"/api/errors/patterns/{pattern['id']}")
    assert [error["message"] for error in page["examples"]] == messages[:20]
    assert page["releases"] == [{"key": f"v{day}", "count": 3} for day in sorted(range(13), key=str)]
    [orders] = page["variables"]
    assert len(orders) == 5
    listed = (await project.get("/api/errors", pattern=pattern["id"], limit=100))["errors"]
    assert [error["message"] for error in listed] == messages


async def send_on_many_days(project: Project) -> list[str]:
    """Three errors of one pattern on each of thirteen days; their messages, newest first."""
    now = datetime.now(UTC)
    sent = [
        {
            "service": "shop",
            "severity": "error",
            "message": f"payment {100 * day + number} failed",
            "release": f"v{day}",
            "timestamp": (now - timedelta(days=day, seconds=number)).isoformat(),
        }
        for day in range(13)
        for number in range(3)
    ]
    await project.send(*sent)
    return [error["message"] for error in sent]


async def test_postgres_plans_a_list_once_and_a_window_for_its_times(service: Service) -> None:
    project = await service.project()
    for limit in range(10, 20):
        await project.get("/api/errors", limit=limit)
    assert await count_plans(service, "FROM errors e") == (20, 0)  # of the newest days, and of the others
    sent = await listen(service)
    for window in ("1h", "24h", "7d"):
        await project.get("/api/errors/patterns", window=window, severity="error")
    assert await count_plans(service, "GROUPING SETS") == (0, 3)
    assert sum("REPEATABLE READ" in query for query in sent) == 3  # each as of one moment
