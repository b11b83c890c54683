"""Redis is killed, hung, flushed, full or read-only: reads may cost more, and nothing else may happen."""

import asyncio
from functools import partial

from tests.chaos.promises import REDIS_SECONDS, Fault
from tests.chaos.stack import Stack
from tests.chaos.stores import thaw


async def kill(stack: Stack, seconds: float) -> str:
    await stack.stores.valkey.crash()
    await asyncio.sleep(seconds)
    await stack.stores.valkey.start()
    return ""


async def freeze(stack: Stack, seconds: float) -> str:
    frozen = stack.stores.valkey.freeze()
    try:
        await asyncio.sleep(seconds)
    finally:
        thaw(frozen)
    return ""


async def fill(stack: Stack, seconds: float) -> str:
    """No byte more, and nothing may be evicted: every write is refused."""
    async with stack.stores.redis_client() as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", "1")
        await asyncio.sleep(seconds)
        await redis.config_set("maxmemory", "256mb")
        await redis.config_set("maxmemory-policy", "volatile-ttl")
    return ""


async def make_read_only(stack: Stack, seconds: float) -> str:
    """A replica of a server that is not there, as after a failover that went wrong."""
    async with stack.stores.redis_client() as redis:
        await redis.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
        await asyncio.sleep(seconds)
        await redis.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
    return ""


async def flush(stack: Stack) -> str:
    async with stack.stores.redis_client() as redis:
        await redis.flushall()
    await asyncio.sleep(1)
    return ""


def redis_faults(seconds: float) -> tuple[Fault, ...]:
    """Each of them for so long."""
    lasting = {"killed": kill, "hung": freeze, "out of memory": fill}
    return (
        *(
            Fault(
                f"Redis is {state} for {seconds:.0f} s",
                partial(inject, seconds=seconds),
                refuses=False,
                slowest_seconds=REDIS_SECONDS,
            )
            for state, inject in lasting.items()
        ),
        Fault(
            "Redis is read-only",
            partial(make_read_only, seconds=min(seconds, 8)),
            refuses=False,
            slowest_seconds=REDIS_SECONDS,
        ),
        Fault("Redis is flushed", flush, times=3, refuses=False, slowest_seconds=REDIS_SECONDS),
    )
