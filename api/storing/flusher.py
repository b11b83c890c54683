"""One flush: rows of any kind go to Postgres by the statement of their kind, again where that may help.

Knows connections, failures and attempts; what is written, and how, is the kind's (`errors`, `usage`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.database import durability, one_server
from common.settings import Settings

log = structlog.get_logger()

# Failures that the rows themselves cause: the flush is split until the bad one stands alone.
DATA_FAILURES = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)
# Failures after which the same rows are sent again on the same connection.
PASSING_FAILURES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,
)
# Failures after which they are sent again on a new connection; a time limit is an OSError too, and the driver's internal
# error is what it raises between a session's last message and its end. A server that was the primary takes no writes.
CONNECTION_FAILURES = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    SQLAlchemyError,
    OSError,
)
ATTEMPTS = 3
LAST_ATTEMPT_AFTER_SECONDS = 0.3  # the second one comes at once: most connections that broke were old ones


class Outcome(StrEnum):
    """What became of one row. Rejected: Postgres cannot hold it, whatever is done. Of usage alone, where its key was there:
    replaced, it is the same call further on and took the place of what was stored; differs, it says something else, and what
    was stored stays."""

    stored = "stored"
    duplicate = "duplicate"
    rejected = "rejected"
    replaced = "replaced"
    differs = "differs"


WRITTEN = frozenset({Outcome.stored, Outcome.replaced})


class StoreFailed(Exception):
    """Postgres did not take the rows, or did not say so; they may be sent again."""


class Storable(Protocol):
    """What the writer needs to know of a row: whose it is, its name in the log, roughly its bytes in memory."""

    @property
    def project_id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...


RowT = TypeVar("RowT", bound=Storable)
# Writes rows in one transaction on an asyncpg connection and says what became of each. Sent twice, nothing is twice.
StoreRows = Callable[[Any, Sequence[RowT]], Awaitable[list[Outcome]]]


class Flusher(Generic[RowT]):
    """Holds one asyncpg connection, taken from SQLAlchemy's pool so that it has the engine's settings."""

    def __init__(self, engine: AsyncEngine, settings: Settings, store_rows: StoreRows[RowT]) -> None:
        self.engine = engine
        self.settings = settings
        self.store_rows = store_rows
        self.held: AsyncConnection | None = None
        self.driver: Any = None
        self.alone_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # ended while it wrote: a clean way out could wait for a server that hangs
            await self.drop_connection()
        elif self.held is not None:
            await self.held.close()

    async def store(self, rows: Sequence[RowT]) -> list[Outcome]:
        """What became of each row, after the commit. Raises StoreFailed.

        The rows keep their ids, so that a second attempt after a lost answer stores nothing twice; what the first
        one had committed is then called a duplicate.
        """
        try:
            return await self.attempt(rows)
        except DATA_FAILURES as error:
            if len(rows) == 1:
                log.warning("row_refused", error=str(error), row=rows[0].name)
                return [Outcome.rejected]
        half = len(rows) // 2
        return [*await self.store(rows[:half]), *await self.store(rows[half:])]

    async def attempt(self, rows: Sequence[RowT]) -> list[Outcome]:
        """Send the statement, again where that may help."""
        failure: Exception | None = None
        for number in range(1, ATTEMPTS + 1):
            if number == ATTEMPTS:
                await asyncio.sleep(LAST_ATTEMPT_AFTER_SECONDS)
            try:
                connection = await self.connection()
                async with one_server(connection, self.settings):
                    outcomes = await self.store_rows(connection, rows)
                    if not any(outcome in WRITTEN for outcome in outcomes):
                        await self.wait_for_standby(connection)
                    return outcomes
            except DATA_FAILURES:
                raise
            except PASSING_FAILURES as error:
                failure = error
            except CONNECTION_FAILURES as error:
                failure = error
                await self.drop_connection()
            except asyncpg.PostgresError as error:
                failure = error
                break
        raise StoreFailed(f"{type(failure).__name__}: {failure}") from failure

    async def wait_for_standby(self, connection: Any) -> None:
        """Wait until it has all that was committed before. That there is none is taken as true for half the time that a wait
        lasts before it is given up: what such a wait left is met later than that."""
        if time.monotonic() < self.alone_until:
            return
        if await connection.fetchval(durability.WAIT_FOR_STANDBY) is None:
            self.alone_until = time.monotonic() + self.settings.database_statement_seconds / 2

    async def connection(self) -> Any:
        """The raw asyncpg connection; a new one where the last one was dropped."""
        if self.held is None:
            self.held = await self.engine.connect()
            self.driver = (await self.held.get_raw_connection()).driver_connection
        return self.driver

    async def drop_connection(self) -> None:
        """Give the connection back as broken: the next attempt gets a fresh one."""
        held, self.held = self.held, None
        if held is not None:
            await held.invalidate()
            await held.close()


def match_stored(sent: Sequence[tuple[Any, ...]], stored: Iterable[Iterable[Any]]) -> list[Outcome]:
    """What became of the rows with the keys that were sent, by the keys that were stored: of two alike, the first."""
    left = {tuple(key) for key in stored}
    outcomes = []
    for key in sent:
        outcomes.append(Outcome.stored if key in left else Outcome.duplicate)
        left.discard(key)
    return outcomes
