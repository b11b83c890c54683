"""More than can be taken: three times the capacity, and one noisy project beside a well-behaved one."""

import asyncio
from contextlib import closing, suppress
from dataclasses import dataclass

from common.settings import Settings
from tests.chaos.clients import Target
from tests.chaos.flood import Flood, Parcel, make_parcels
from tests.chaos.journal import Answer
from tests.chaos.promises import Fault, FaultFailed
from tests.chaos.stack import Stack

BATCH = 200
SECONDS = 10.0
TIMES = 3
LEAST_SHARE = 0.8
SLOWEST_P99_SECONDS = 2.0
LEAST_SUCCESS = 0.999
CALM_PER_SECOND = 100
MOST_BUFFERED_BYTES = 2 * Settings().writer_buffer_max_bytes  # errors and usage have one each
MOST_BATCHES = 600  # more than are taken in half the time


@dataclass(frozen=True, slots=True)
class Load:
    """What became of requests that were all sent once."""

    answers: list[Answer]
    seconds: float

    @property
    def taken(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.is_taken]

    @property
    def p99_seconds(self) -> float:
        slowest = sorted(answer.seconds for answer in self.taken)
        return slowest[int(len(slowest) * 0.99)] if slowest else 0.0


async def measure_capacity(stack: Stack) -> float:
    """Batches a second that eight clients get taken when each sends its next one at once."""
    parcels = await prepare(stack.target, MOST_BATCHES, BATCH)
    with closing(Flood(stack.target, stack.journal)) as flood:
        return await flood.send_in_turn(parcels, clients=8, seconds=SECONDS / 2)


async def prepare(target: Target, count: int, batch_size: int) -> list[Parcel]:
    return await asyncio.to_thread(lambda: list(make_parcels(90, target, count, batch_size)))


async def offer(stack: Stack, target: Target, parcels: list[Parcel]) -> Load:
    """Send them evenly over the time whatever comes back, each once."""
    with closing(Flood(target, stack.journal)) as flood:
        seconds = await flood.offer(parcels, len(parcels) / SECONDS)
        return Load(flood.answers, seconds)


async def overload(stack: Stack) -> str:
    """Three times the capacity: most of the capacity is still used, and what is taken is taken soon.

    Capacity is measured before and after: what else the machine does changes it from one second to the next.
    """
    before, target = await measure_capacity(stack), await stack.make_target("flood")
    parcels = await prepare(target, int(before * TIMES * SECONDS), BATCH)
    watching = asyncio.create_task(watch_buffers(stack))
    load = await offer(stack, target, parcels)
    watching.cancel()
    after = await measure_capacity(stack)
    capacity, most_bytes = (before + after) / 2, await watching
    share = len(load.taken) / load.seconds / capacity
    figure = (
        f"{share:.0%} of a capacity of {capacity * BATCH:,.0f} errors/s taken, p99 {load.p99_seconds:.2f} s, "
        f"{len(load.answers) - len(load.taken)} of {len(load.answers)} batches refused, buffers at most "
        f"{most_bytes / 2**20:.1f} MiB"
    )
    if share < LEAST_SHARE or load.p99_seconds > SLOWEST_P99_SECONDS or most_bytes > MOST_BUFFERED_BYTES:
        raise FaultFailed(figure)
    return figure


async def watch_buffers(stack: Stack) -> float:
    """Until it is cancelled; the most bytes that an API had waiting for their commit."""
    most = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            most = max(most, *[await api.buffered_bytes(stack.client) for api in stack.apis])
            await asyncio.sleep(0.2)
    return most


async def be_noisy(stack: Stack) -> str:
    """A project sends three times the capacity; its neighbour's single errors go through at the first try."""
    capacity = await measure_capacity(stack)
    noisy, calm = await stack.make_target("noisy"), await stack.make_target("calm")
    loud = await prepare(noisy, int(capacity * TIMES * SECONDS), BATCH)
    quiet = await prepare(calm, int(CALM_PER_SECOND * SECONDS), 1)
    noise, neighbour = await asyncio.gather(offer(stack, noisy, loud), offer(stack, calm, quiet))
    success = len(neighbour.taken) / len(neighbour.answers)
    figure = (
        f"neighbour {success:.2%} of {len(neighbour.answers)} at the first try, p99 {neighbour.p99_seconds:.2f} s; "
        f"noisy one {len(noise.taken)} of {len(noise.answers)} batches"
    )
    if success < LEAST_SUCCESS:
        raise FaultFailed(figure)
    return figure


FAULTS = (
    Fault("three times the capacity is offered", overload),
    Fault("one project is noisy", be_noisy),
)
