"""States of patterns against a model of a few lines, over random orders of sending, counting, deciding and merging."""

import asyncio
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Project, Service
from tests.flow.test_triage import change, error
from tests.worker.running import fold_deltas

SEEDS = range(40 if os.environ.get("MAYDAY_TEST_ATTACKS") == "long" else 3)
STEPS = 14
MESSAGES = ("disk full", "no route to host")  # two that are never grouped
LATER, EARLIER = timedelta(minutes=8), timedelta(minutes=-90)


@dataclass
class Model:
    """Of one pattern: what was decided, and how many errors were received since."""

    messages: set[str]
    decision: str = "open"
    more: int | None = None
    since: int = 0

    def receive(self, count: int) -> None:
        self.since += count

    def decide(self, decision: str, more: int | None = None) -> None:
        self.decision, self.more, self.since = decision, more, 0

    @property
    def states(self) -> set[str]:
        """Those that it may be in."""
        if self.decision == "resolved":
            return {"regressed"} if self.since else {"resolved"}
        if self.decision == "ignored" and (self.more is None or self.since < self.more):
            return {"ignored"}
        return {"new", "ongoing"}


async def send(project: Project, rng: random.Random, message: str) -> int:
    count = rng.randint(1, 4)
    times = [datetime.now(UTC) + rng.choice([timedelta(0), LATER, EARLIER]) for _ in range(count)]
    await project.send(*[error(message, timestamp=at.isoformat()) for at in times])
    return count


async def ids(project: Project) -> dict[str, str]:
    listed = (await project.get("/api/errors/patterns", order="count"))["patterns"]
    return {pattern["title"]: pattern["id"] for pattern in listed}


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_pattern_is_in_the_state_that_what_was_received_says(service: Service, seed: int) -> None:
    rng = random.Random(seed)
    project = await service.project()
    for message in MESSAGES:
        await send(project, rng, message)
    await service.run_worker()
    await asyncio.sleep(1.1)
    found = await ids(project)
    models = {found[message]: Model({message}) for message in MESSAGES}
    told: list[str] = []
    for _ in range(STEPS):
        pattern_id = rng.choice(list(models))
        model = models[pattern_id]
        step = rng.choice(["send", "send", "fold", "resolve", "ignore", "ignore", "run"])
        told.append(f"{step} {sorted(model.messages)} {model.decision} {model.more} {model.since}")
        if step == "send":
            model.receive(await send(project, rng, rng.choice(sorted(model.messages))))
        elif step == "fold":
            await fold_deltas(service.tools.engine, 48)
        elif step == "resolve":
            await change(project, pattern_id, state="resolved")
            model.decide("resolved")
        elif step == "ignore":
            more = rng.choice([None, 1, 3, 5])
            await change(project, pattern_id, state="ignored", **({"errors": more} if more else {}))
            model.decide("ignored", more)
        else:
            await service.run_worker()
    if rng.random() < 0.5:
        source, target = rng.sample(list(models), 2)
        await service.run_worker()
        await change(project, source, merge_into=target)
        models[target].messages |= models.pop(source).messages
        await service.run_worker()
        got = await send(project, rng, rng.choice(sorted(models[target].messages)))
        models[target].receive(got)
        told.append(f"merged into {sorted(models[target].messages)} and got {got}")
    await service.run_worker()
    await asyncio.sleep(1.1)
    for pattern_id, model in models.items():
        shown = (await project.get(f"/api/errors/patterns/{pattern_id}"))["state"]
        assert shown in model.states, (seed, told, model, shown)
