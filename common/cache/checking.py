"""Whether the Redis of a role answers and may be used for it, said in the log when a program starts."""

import asyncio
from typing import Literal

import structlog
from redis.exceptions import RedisError

from common.cache.connecting import make_redis
from common.settings import Settings

log = structlog.get_logger()

CHECK_SECONDS = 2.0
# The second evicts what would end soonest: answers, which live for minutes, and not jobs, which live for a day.
KEEPS_JOBS = ("noeviction", "volatile-ttl")

Role = Literal["cache", "queue"]


async def check_redis(settings: Settings, role: Role) -> None:
    """Warn when it does not answer, naming the setting, or when a queue may lose jobs to eviction."""
    setting = f"MAYDAY_{role.upper()}_URL" if getattr(settings, f"{role}_url") else "MAYDAY_REDIS_URL"
    redis = make_redis(
        getattr(settings, f"effective_{role}_url"), socket_timeout=CHECK_SECONDS, socket_connect_timeout=CHECK_SECONDS
    )
    try:
        memory = await redis.info("memory")
    except (RedisError, OSError) as error:
        log.warning("redis_not_reached", role=role, setting=setting, error=str(error), problem=EFFECTS[role])
        return
    finally:
        # whoever stops a program while it starts cancels this; a close that is cancelled leaves its connection open
        await asyncio.shield(redis.aclose())
    policy = memory.get("maxmemory_policy", "noeviction")
    if role == "queue" and policy not in KEEPS_JOBS and memory.get("maxmemory", 0):
        log.warning("queue_may_evict", setting=setting, policy=policy, problem=EVICTS)


EFFECTS: dict[Role, str] = {
    "cache": "reads come from Postgres until it answers",
    "queue": "the worker triggers its jobs by itself until it answers",
}
EVICTS = (
    "set its maxmemory-policy to noeviction, or to volatile-ttl where it is the cache as well, or give cache and queue "
    "servers of their own (MAYDAY_QUEUE_URL)"
)
