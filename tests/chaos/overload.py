"""More than can be taken: three times the capacity, and one noisy project beside a well-behaved one."""

import asyncio
import time
from dataclasses import dataclass

from tests.chaos.clients import Sender, Target
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
    until, taken = time.monotonic() + SECONDS / 2, 0
    sender = Sender(90, stack.target, stack.journal, BATCH)

    async def send_on() -> None:
        nonlocal taken
        while time.monotonic() < until:
            status = await sender.send(stack.client, sender.make_batch(taken), stack.target.next_api())
            taken += status == 201

    await asyncio.gather(*[send_on() for _ in range(8)])
    return taken / (SECONDS / 2)


async def offer(stack: Stack, target: Target, per_second: float, batch_size: int) -> Load:
    """Send at this rate whatever comes back, each batch once."""
    sender = Sender(91, target, stack.journal, batch_size)
    began, first = time.monotonic(), len(stack.journal.answers)
    tasks = []
    for number in range(int(per_second * SECONDS)):
        await asyncio.sleep(max(began + number / per_second - time.monotonic(), 0))
        tasks.append(asyncio.create_task(sender.send(stack.client, sender.make_batch(number), target.next_api())))
    await asyncio.gather(*tasks)
    seconds = time.monotonic() - began
    mine = [a for a in stack.journal.answers[first:] if a.project == target.name and a.kind == "write"]
    return Load(mine, seconds)


async def overload(stack: Stack) -> str:
    """Three times the capacity: most of the capacity is still used, and what is taken is taken soon."""
    capacity = await measure_capacity(stack)
    flood = await stack.make_target("flood")
    load = await offer(stack, flood, capacity * TIMES, BATCH)
    share = len(load.taken) / load.seconds / capacity
    figure = (
        f"{share:.0%} of a capacity of {capacity * BATCH:,.0f} errors/s taken, p99 {load.p99_seconds:.2f} s, "
        f"{len(load.answers) - len(load.taken)} of {len(load.answers)} batches refused"
    )
    if share < LEAST_SHARE or load.p99_seconds > SLOWEST_P99_SECONDS:
        raise FaultFailed(figure)
    return figure


async def be_noisy(stack: Stack) -> str:
    """A project sends three times the capacity; its neighbour's single errors go through at the first try."""
    capacity = await measure_capacity(stack)
    noisy, calm = await stack.make_target("noisy"), await stack.make_target("calm")
    noise, neighbour = await asyncio.gather(
        offer(stack, noisy, capacity * TIMES, BATCH), offer(stack, calm, CALM_PER_SECOND, 1)
    )
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
