"""Something is looked at again and again while load runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def looking(look: Callable[[], Awaitable[None]], every_seconds: float) -> AsyncIterator[None]:
    """Look so often while the body runs. What a look raises is raised at the end."""
    done = asyncio.Event()
    looks = asyncio.create_task(look_until(done, look, every_seconds))
    try:
        yield
    finally:
        done.set()
        await looks


async def look_until(done: asyncio.Event, look: Callable[[], Awaitable[None]], every_seconds: float) -> None:
    while not done.is_set():
        await look()
        await asyncio.sleep(every_seconds)
