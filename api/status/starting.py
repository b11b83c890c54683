"""What a process does beside its first requests: it waits for its schema, then looks at what it stands on.

It listens meanwhile: `/livez` answers, `/readyz` says what is missing, and everything else is answered 503.
"""

from collections.abc import Sequence
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache.checking import check_redis
from common.database.connections import check_room
from common.database.durability import check_durability
from common.database.schema import wait_for_schema
from common.settings import Settings

log = structlog.get_logger()


async def start(engines: Sequence[AsyncEngine], settings: Settings) -> None:
    """Wait for the schema, open the first connection of each pool, so that all programs see it, and count them."""
    await wait_for_schema(engines[0])
    for engine in engines:
        with suppress(SQLAlchemyError, OSError):
            async with engine.connect():
                pass
    await check_room(engines[0], settings)
    await check_durability(engines[0])
    await check_redis(settings, "cache")
    log.info("api_started")
