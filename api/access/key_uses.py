"""When keys were used last, kept at the cost of a row for each key and five minutes. The only writer of `key_uses`.

Nothing is written while a request waits, and nothing for a key that is not good: the key ring notes a use when it looks a
good key up, and a task writes what was noted.
"""

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.access.keys import Caller

log = structlog.get_logger()

WRITE_SECONDS = 20.0
LAST_WRITE_SECONDS = 2.0  # at the end of the process

# Notes when these keys were used, `age` seconds ago, unless what stands there is younger than that or older by less than
# five minutes: all processes together write a key's row that seldom.
NOTE_USES = text("""
    INSERT INTO key_uses AS known (project_id, key_id, used_at)
    SELECT k.project_id, k.key_id, now() - make_interval(secs => used.age)
    FROM unnest(CAST(:project_ids AS uuid[]), CAST(:key_ids AS text[]), CAST(:ages AS double precision[]))
         AS used (project_id, key_id, age)
    JOIN api_keys k ON k.project_id = used.project_id AND k.key_id = used.key_id
    ORDER BY k.project_id, k.key_id
    ON CONFLICT (project_id, key_id) DO UPDATE SET used_at = EXCLUDED.used_at
    WHERE known.used_at < EXCLUDED.used_at - interval '5 minutes'
""")


class KeyUses:
    """What was noted and not written yet; at most one entry for each key that is good."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.noted: dict[tuple[UUID, str], float] = {}

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.run(), name="key_uses")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self.write()

    def note(self, caller: Caller) -> None:
        """This key is used now."""
        self.noted[caller.project_id, caller.key_id] = time.monotonic()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what was noted; what Postgres does not take now is written the next time."""
        if not self.noted:
            return
        taken, self.noted = self.noted, {}
        try:
            async with self.engine.begin() as connection:
                await connection.execute(NOTE_USES, as_columns(taken))
            taken = {}
        except (SQLAlchemyError, OSError) as error:
            log.debug("key_uses_not_written", error=str(error))
        finally:
            self.noted = taken | self.noted


def as_columns(noted: dict[tuple[UUID, str], float]) -> dict[str, list[object]]:
    now = time.monotonic()
    return {
        "project_ids": [project_id for project_id, _ in noted],
        "key_ids": [key_id for _, key_id in noted],
        "ages": [now - at for at in noted.values()],
    }
