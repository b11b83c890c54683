"""Whether Postgres keeps what it says it keeps: an acknowledged error is as safe as its COMMIT."""

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger()

# The settings of the server that make a COMMIT survive a crash, as this connection has them.
FIND_UNSAFE = text("""
    SELECT name FROM pg_settings
    WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off' ORDER BY name
""")

# Waits until the standby has all that was committed before, where there is one that COMMIT waits for; NULL where there is none.
# A transaction whose wait was given up stands there for all to see, and would be lost in a failover; one that writes nothing
# does not wait.
WAIT_FOR_STANDBY = """
    SELECT CASE WHEN current_setting('synchronous_standby_names') <> ''
           THEN pg_logical_emit_message(true, 'mayday', '')::text END
"""


async def check_durability(engine: AsyncEngine) -> list[str]:
    """The settings of Postgres that are off and must not be; said in the log as a warning."""
    try:
        async with engine.connect() as connection:
            unsafe = list((await connection.scalars(FIND_UNSAFE)).all())
    except (SQLAlchemyError, OSError) as error:
        log.warning("durability_not_checked", error=type(error).__name__)
        return []
    if unsafe:
        log.warning("not_durable", off=unsafe, problem="a crash of Postgres may lose errors that were acknowledged")
    return unsafe
