"""Every error another message, from a service of its own: what that leaves behind is bounded, and nothing is lost.

`./mayday test distinct` sends a million with the limits as they are by default; `./mayday test` few with small ones.
"""

import asyncio
import itertools
import json
import os
import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uuid_utils.compat

from cli.embedded import temporary_home
from common.fingerprint import fingerprint_value
from common.settings import Settings
from tests.chaos.clients import GIVE_UP_SECONDS, ask
from tests.chaos.journal import Answer
from tests.chaos.promises import Fault, find_broken_promise
from tests.chaos.stack import Stack, run_stack
from tests.fleet.history import Run, ended_runs, keep_history

ERRORS = int(os.environ.get("MAYDAY_TEST_DISTINCT_ERRORS", "10000"))
FINGERPRINTS = min(Settings().fingerprints_max, ERRORS // 10)
SETTINGS = {
    "MAYDAY_LOG_LEVEL": "warning",
    "MAYDAY_FINGERPRINTS_MAX": str(FINGERPRINTS),
    "MAYDAY_FOLD_EVERY_SECONDS": str(Settings().fold_every_seconds),
    "MAYDAY_PATTERNS_EVERY_SECONDS": "10",
}
BATCH = 1_000
SENDERS = 4
SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwxyz" for vowel in "aeiou"]
MOST_ANSWER_BYTES = 4 * 2**20
MOST_API_BYTES = 400 * 2**20
MOST_WORKER_BYTES = 400 * 2**20


def message_of(number: int) -> str:
    """One of a million that no mask makes equal: words, and nothing in them that reads as a number or a name."""
    first, second, third = (SYLLABLES[number // 100**place % 100] for place in (2, 1, 0))
    return f"the {first}{second}tor lost its {third}nal and cannot find it again"


def error_of(number: int) -> dict[str, Any]:
    return {
        "event_id": str(uuid_utils.compat.uuid7()),
        "service": f"request-{number}",
        "environment": f"preview-{number // 7}",
        "severity": "error",
        "message": message_of(number),
    }


@dataclass(slots=True)
class Seen:
    """What clients were answered, and the most that the programs held."""

    answers: list[Answer] = field(default_factory=list)
    largest_answer_bytes: int = 0
    api_bytes: int = 0
    worker_bytes: int = 0

    def slowest_seconds(self, kind: str) -> float:
        return max(answer.seconds for answer in self.answers if answer.kind == kind)


async def send_all(stack: Stack, seen: Seen) -> None:
    """Each batch until it is taken, the same ids each time."""
    numbers = iter(range(0, ERRORS, BATCH))
    headers = {"Authorization": f"Bearer {stack.target.ingest_key}", "Content-Type": "application/json"}

    async def send_on(client: httpx.AsyncClient) -> None:
        for start in numbers:
            body = json.dumps({"errors": [error_of(number) for number in range(start, min(start + BATCH, ERRORS))]})
            for api in itertools.cycle(stack.apis):
                request = client.build_request("POST", f"{api.url}/api/errors/batch", content=body, headers=headers)
                answer, _ = await ask(request, client, api.name, "write", stack.target.name)
                seen.answers.append(answer)
                if answer.status == 201:
                    break
                await asyncio.sleep(0.2)

    async with httpx.AsyncClient(trust_env=False, timeout=GIVE_UP_SECONDS) as client:
        await asyncio.gather(*[send_on(client) for _ in range(SENDERS)])


async def look_on(stack: Stack, seen: Seen) -> None:
    """Ask what people ask, see how much the programs hold, again and again."""
    headers = {"Authorization": f"Bearer {stack.target.read_key}"}
    async with httpx.AsyncClient(trust_env=False, timeout=GIVE_UP_SECONDS, headers=headers) as client:
        for path in look_at():
            request = client.build_request("GET", f"{stack.apis[0].url}{path}")
            answer, content = await ask(request, client, stack.apis[0].name, "read", stack.target.name)
            seen.answers.append(answer)
            seen.largest_answer_bytes = max(seen.largest_answer_bytes, len(content))
            for pattern in json.loads(content).get("patterns", [])[:1]:
                request = client.build_request("GET", f"{stack.apis[0].url}/api/errors/patterns/{pattern['id']}")
                answer, content = await ask(request, client, stack.apis[0].name, "read", stack.target.name)
                seen.answers.append(answer)
            seen.api_bytes = max(seen.api_bytes, *(api.memory_bytes() for api in stack.apis))
            seen.worker_bytes = max(seen.worker_bytes, *(worker.memory_bytes() for worker in stack.workers))
            await asyncio.sleep(0.3)


def look_at() -> Iterator[str]:
    return itertools.cycle(
        ["/api/errors/patterns", "/api/errors/recent", "/api/errors/patterns?window=7d", "/api/errors?limit=200"]
    )


async def while_looked_on(work: Awaitable[None], stack: Stack, seen: Seen) -> float:
    """Seconds that it took."""
    looking, started = asyncio.create_task(look_on(stack, seen)), time.monotonic()
    try:
        await work
    finally:
        looking.cancel()
        await asyncio.wait([looking])
    if not looking.cancelled():
        looking.result()
    return time.monotonic() - started


async def wait_until_folded(stack: Stack) -> None:
    async with asyncio.timeout(600):
        while await stack.stores.sql("SELECT true FROM deltas LIMIT 1", database=stack.database):
            await asyncio.sleep(0.2)


async def wait_until_grouped(stack: Stack) -> None:
    """Until a run of the patterns has begun and ended that knows all."""
    before = len(await ended_runs(stack, "patterns"))
    async with asyncio.timeout(600):
        while len(await ended_runs(stack, "patterns")) <= before + 1:
            await asyncio.sleep(0.5)


async def count_what_is_left(stack: Stack) -> dict[str, int]:
    """Rows of the tables that people's answers come from, and names in their counts."""
    counts = {table: f"SELECT count(*) FROM {table}" for table in ("errors", "fingerprints", "rollups", "facets")}  # noqa: S608
    counts["services"] = "SELECT count(DISTINCT service) FROM hourly_rollups"
    counts["environments"] = "SELECT count(DISTINCT environment) FROM hourly_rollups"
    return {name: (await stack.stores.sql(asked, database=stack.database))[0][0] for name, asked in counts.items()}


def test_the_messages_are_distinct() -> None:
    numbers = range(0, 1_000_000, 97)
    fingerprints = {fingerprint_value(message=message_of(number), error_type=None, trace=None) for number in numbers}
    assert len(fingerprints) == len(numbers)


async def test_distinct_messages_and_services_leave_little_behind_and_none_is_lost() -> None:
    seen = Seen()
    with temporary_home() as folder:
        async with run_stack(folder, apis=1, workers=1, settings=SETTINGS) as stack:
            await keep_history(stack)
            sent_seconds = await while_looked_on(send_all(stack, seen), stack, seen)
            folded_seconds = await while_looked_on(wait_until_folded(stack), stack, seen)
            await while_looked_on(wait_until_grouped(stack), stack, seen)
            wrong_sums = await stack.find_wrong_sums()
            left = await count_what_is_left(stack)
            runs = {job: await ended_runs(stack, job) for job in ("fold", "patterns")}
    refused = sum(answer.is_fair_refusal for answer in seen.answers)
    tell(
        f"{ERRORS:,} errors in {sent_seconds:.0f} s, counted {folded_seconds:.1f} s later: {left}",
        f"writes at most {seen.slowest_seconds('write'):.2f} s, {refused} refused; "
        f"reads at most {seen.slowest_seconds('read'):.2f} s, {seen.largest_answer_bytes / 2**20:.1f} MiB",
        f"API at most {seen.api_bytes / 2**20:.0f} MiB, worker {seen.worker_bytes / 2**20:.0f} MiB",
        *[f"{job}: {len(ended)} runs, the longest {longest_seconds(ended):.1f} s" for job, ended in runs.items()],
    )
    nothing = Fault("distinct messages", inject_nothing)
    assert [problem for answer in seen.answers if (problem := find_broken_promise(nothing, answer))] == []
    assert wrong_sums == []
    assert left["errors"] == ERRORS
    assert left["fingerprints"] == FINGERPRINTS + 1
    assert left["services"] == Settings().services_max + 1
    assert left["environments"] == Settings().environments_max + 1
    assert seen.largest_answer_bytes < MOST_ANSWER_BYTES
    assert seen.api_bytes < MOST_API_BYTES
    assert seen.worker_bytes < MOST_WORKER_BYTES
    assert {run.outcome for ended in runs.values() for run in ended} == {"done"}


async def inject_nothing(_: Stack) -> str:
    return ""


def tell(*lines: str) -> None:
    """For pytest's -rP."""
    print(*lines, sep="\n")  # noqa: T201


def longest_seconds(runs: list[Run]) -> float:
    return max((run.finished_at - run.started_at).total_seconds() for run in runs)
