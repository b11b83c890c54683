"""What connections are called, and whether Postgres has room for all that the programs may open.

The name says who may open how many: `mayday-<program>/<size of the pool>@<host>:<process>`. So whoever looks at
`pg_stat_activity`, and every program when it starts, sees what all of them may open together.
"""

import os
import re
import socket
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.settings.stores import DatabaseSettings

log = structlog.get_logger()

NAME = re.compile(r"mayday-(?P<program>\w+)/(?P<size>\d+)@(?P<process>.+)")
NAME_MAX_CHARS = 63  # Postgres cuts what is longer
HOST_CHARS = 32  # of its end: names of containers differ there

# Who is connected to the server, whatever the database, and how many connections it takes from the likes of us.
FIND_CONNECTIONS = text("""
    SELECT array_agg(application_name) AS names,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS allowed
    FROM pg_stat_activity WHERE backend_type = 'client backend'
""")


class Connects(Protocol):
    """What connections come from: an engine, or a part of its pool."""

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]: ...

    def begin(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


@dataclass(frozen=True, slots=True)
class Crowd:
    """The connections of a server: what Mayday's processes may open, what others hold, what Postgres allows."""

    processes: dict[str, int]  # of each program
    may_open: int
    others: int
    allowed: int

    @property
    def missing(self) -> int:
        """How many connections are too few when all pools are full; 0 when there is room."""
        return max(self.may_open + self.others - self.allowed, 0)


def connection_name(program: str, pool_size: int) -> str:
    """What a process calls its connections."""
    return f"mayday-{program}/{pool_size}@{process_name()}"[:NAME_MAX_CHARS]


@cache
def process_name() -> str:
    """Host and number of this process."""
    return f"{socket.gethostname()[-HOST_CHARS:]}:{os.getpid()}"


def count_crowd(names: Iterable[str | None], allowed: int) -> Crowd:
    """Sum up connections by their names: a pool counts once and whole, however many of its connections are open."""
    pools, others = set(), 0
    for name in names:
        if found := NAME.fullmatch(name or ""):
            pools.add((found["program"], int(found["size"]), found["process"]))
        else:
            others += 1
    programs = {program for program, _, _ in pools}
    processes = {one: len({process for program, _, process in pools if program == one}) for one in sorted(programs)}
    return Crowd(processes, sum(size for _, size, _ in pools), others, allowed)


async def find_crowd(engine: Connects) -> Crowd:
    """The connections of the server that this engine is on."""
    async with engine.connect() as connection:
        names, allowed = (await connection.execute(FIND_CONNECTIONS)).one()
    return count_crowd(names, allowed)


async def check_room(engine: AsyncEngine, settings: DatabaseSettings) -> None:
    """Say in the log what all may open, and what to change when Postgres allows less.

    Behind a pooler Postgres sees the pooler's connections only, and there is nothing to say.
    """
    if settings.database_pooler != "none":
        return
    try:
        crowd = await find_crowd(engine)
    except (SQLAlchemyError, OSError) as error:
        log.warning("connections_not_counted", error=str(error))
        return
    facts = {"may_open": crowd.may_open, "others": crowd.others, "allowed": crowd.allowed, "processes": crowd.processes}
    if crowd.missing:
        log.warning("too_few_connections", **facts, problem=explain_lack(crowd))
    else:
        log.info("connections", **facts)


def explain_lack(crowd: Crowd) -> str:
    """What is too few, and the ways out."""
    return (
        f"Mayday's processes may open {crowd.may_open} connections and others hold {crowd.others}, but Postgres allows "
        f"{crowd.allowed}: raise max_connections by {crowd.missing} or more, run fewer processes, lower "
        "MAYDAY_DATABASE_POOL_SIZE and MAYDAY_WRITER_FLUSHERS, or put PgBouncer between (MAYDAY_DATABASE_POOLER)"
    )
