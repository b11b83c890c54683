"""Half an hour of what is no reason to wake anybody: load, bursts, programs that are started again, killed, upgraded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle

from alembic import command

from tests.chaos.clients import Sender
from tests.later_release import LATER, with_later_migrations
from tests.nights.stack import Night

PAUSE_SECONDS = 40.0  # between two of them
BURST_SECONDS = 20.0
TABLES = ("patterns", "snapshots")  # that the next release adds columns to

Event = Callable[[Night], Awaitable[None]]


async def restart_worker(night: Night) -> None:
    """It is asked to end; its supervisor starts it again."""
    await night.stack.workers[0].terminate()


async def kill_worker(night: Night) -> None:
    await night.stack.workers[0].kill()


async def restart_api(night: Night) -> None:
    api = night.stack.apis[0]
    await api.terminate()
    api.start()
    await api.wait_until_ready()


async def kill_api(night: Night) -> None:
    api = night.stack.apis[1]
    await api.kill()
    api.start()
    await api.wait_until_ready()


async def upgrade_all(night: Night) -> None:
    """As docs/operations.md says: the schema, then one new API that is ready for each old one, then the worker. The first
    time the schema really changes."""
    stack = night.stack
    config = with_later_migrations(stack.folder / "later", stack.stores.direct_url(), TABLES)
    await asyncio.to_thread(command.upgrade, config, LATER)
    for place, old in enumerate(stack.apis):
        stack.apis[place] = await night.start_api()
        await old.terminate()
    [old_worker] = stack.workers
    stack.workers.clear()
    await old_worker.terminate()
    await night.start_worker()


async def burst(night: Night) -> None:
    """Ten times as much for a while."""
    stopping = asyncio.Event()
    senders = [Sender(100 + n, night.stack.target, night.stack.journal, 200, 5.0) for n in range(2)]
    tasks = [asyncio.create_task(sender.run(stopping)) for sender in senders]
    await asyncio.sleep(BURST_SECONDS)
    stopping.set()
    await asyncio.gather(*tasks)


EVENTS: tuple[Event, ...] = (restart_worker, restart_api, burst, upgrade_all, kill_worker, kill_api)


async def pass_quiet_time(night: Night, seconds: float, say: Callable[[str], None]) -> list[str]:
    """Let it be so for `seconds`; what is not as promised, in a sentence each."""
    until, turns, number = time.monotonic() + seconds, cycle(EVENTS), 0
    async with night.stack.traffic(senders=2, per_second=1.0):
        while time.monotonic() < until:
            await asyncio.sleep(min(PAUSE_SECONDS, max(until - time.monotonic(), 0)))
            event, began, number = next(turns), time.monotonic(), number + 1
            await event(night)
            say(f"{number}. {event.__name__}: {time.monotonic() - began:.1f} s")
    return [*list_problems(night), *await night.stack.find_wrong_sums()]


def list_problems(night: Night) -> Iterator[str]:
    for fired in night.prometheus.longest("firing"):
        yield f"fired without a reason: {fired}"
