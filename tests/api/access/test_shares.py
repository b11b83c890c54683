"""Turns are shared fairly, and none is lost whoever gives up when."""

import asyncio
import random
import re
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from api.access.shares import Gate, gate_of
from api.http.problems import Busy

ONE, TWO, THREE = uuid4(), uuid4(), uuid4()


async def hold(gate: Gate, project: UUID, release: asyncio.Event, order: list[UUID]) -> None:
    async with gate.turn(project):
        order.append(project)
        await release.wait()


async def test_a_project_has_its_share_and_what_is_free_goes_to_who_holds_fewest() -> None:
    gate, release = Gate(most=4, most_each=2), asyncio.Event()
    order: list[UUID] = []
    tasks = [asyncio.create_task(hold(gate, ONE, release, order)) for _ in range(5)]
    await asyncio.sleep(0)
    assert order == [ONE, ONE]
    tasks += [asyncio.create_task(hold(gate, TWO, release, order)) for _ in range(5)]
    await asyncio.sleep(0)
    assert order == [ONE, ONE, TWO, TWO]
    tasks.append(asyncio.create_task(hold(gate, THREE, release, order)))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*tasks)
    assert order[4] == THREE, "it waits for one turn, and not behind six who came before it"
    assert (gate.free, gate.lines) == (4, {})


async def test_projects_that_hold_alike_take_turns() -> None:
    gate = Gate(most=1, most_each=1)
    order: list[UUID] = []

    async def once(project: UUID) -> None:
        async with gate.turn(project):
            order.append(project)
            await asyncio.sleep(0)

    await asyncio.gather(*[once(project) for project in [ONE] * 6 + [TWO] * 3])
    assert order[1:7] == [TWO, ONE] * 3


async def test_who_waits_too_long_is_told_to_come_again_and_takes_no_turn() -> None:
    gate, release = Gate(most=2, most_each=1, wait_seconds=0.01), asyncio.Event()
    holder = asyncio.create_task(hold(gate, ONE, release, []))
    await asyncio.sleep(0)
    told = await asyncio.gather(*[hold(gate, ONE, release, []) for _ in range(20)], return_exceptions=True)
    assert [type(one) for one in told] == [Busy] * 20
    assert (gate.free, len(gate.lines[ONE].waiting)) == (1, 0)
    release.set()
    await holder
    assert (gate.free, gate.lines) == (2, {})


@pytest.mark.parametrize("seed", range(20))
async def test_no_turn_is_lost_whoever_gives_up_when(seed: int) -> None:
    chance = random.Random(seed)
    gate = Gate(most=3, most_each=2, wait_seconds=0.005)
    inside: dict[UUID, int] = dict.fromkeys((ONE, TWO, THREE), 0)

    async def visit(project: UUID) -> None:
        async with gate.turn(project):
            inside[project] += 1
            assert sum(inside.values()) <= 3
            assert inside[project] <= 2
            try:
                await asyncio.sleep(chance.choice([0, 0, 0.001, 0.005]))
                if chance.random() < 0.2:
                    raise ValueError
            finally:
                inside[project] -= 1

    tasks = []
    for _ in range(200):
        tasks.append(asyncio.create_task(visit(chance.choice([ONE, TWO, THREE]))))
        if chance.random() < 0.4:
            chance.choice(tasks).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(chance.choice([0, 0.001]))
    for task in tasks:
        with suppress(Busy, ValueError, asyncio.CancelledError):
            await task
    assert (gate.free, gate.lines) == (3, {})


def test_the_smallest_pool_lets_one_in() -> None:
    assert (gate_of(1).free, gate_of(1).most_each) == (1, 1)
    assert (gate_of(8).free, gate_of(8).most_each) == (8, 4)


def test_only_probes_go_past_the_shares() -> None:
    """Every route asks for connections in the name of its project."""
    sources = {path.name: path.read_text() for path in Path("api").rglob("*.py")}
    assert [name for name, source in sources.items() if re.search(r"state\.engine", source)] == ["health.py"]
