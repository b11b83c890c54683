"""Everything together: stores behind proxies, API processes, workers, and clients that send and read all the while.

    with temporary_home() as folder:
        async with run_stack(folder) as stack:
            async with stack.traffic():
                ...break something...
            verdict = await stack.verdict()
            problems = await stack.find_wrong_sums()

Other suites take the same parts: `run_stack(folder, apis=3, workers=3)`, `stack.apis[0].kill()`, `.start()`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.embedded.postgres import DATABASE
from cli.keys import in_transaction
from cli.migrate import upgrade
from common.keys import Scope
from common.projects import create_key, ensure_project
from common.settings import ROOT, Settings
from tests.chaos.clients import GIVE_UP_SECONDS, Reader, Sender, Target, UsageSender
from tests.chaos.journal import Journal, Verdict
from tests.chaos.programs import Api, Program, make_api, make_worker
from tests.chaos.stores import Stores

API_COMMAND = ("-m", "cli", "api")
WORKER_COMMAND = ("-m", "cli", "worker")
# patterns often, so that sums can be looked at soon after the end
QUICK = {
    "MAYDAY_PATTERNS_EVERY_SECONDS": "10",
    "MAYDAY_FOLD_EVERY_SECONDS": "2",
    "MAYDAY_WORKER_METRICS_PORT": "0",
}
SETTLE_SECONDS = 90.0
# Errors and usage records, as `Sender.elements_of` tells them.
ALL_STORED = """
    SELECT event_id AS id, message AS content FROM errors
    UNION ALL SELECT event_key::uuid, input_tokens || ' tokens' FROM usage_records
"""
# What quarter hours and days say of a project's usage, beside what its records say.
USAGE_SUMS = """
    SELECT r.minutes, sum(r.records)::bigint AS records, sum(r.input_tokens + r.output_tokens)::bigint AS tokens,
           (SELECT count(*) FROM usage_records u WHERE u.project_id = $1) AS stored_records,
           (SELECT sum(input_tokens + output_tokens)::bigint FROM usage_records u WHERE u.project_id = $1) AS stored_tokens
    FROM usage_rollups r WHERE r.project_id = $1 GROUP BY r.minutes
"""


@dataclass(slots=True)
class Stack:
    """What runs. `target` is the project that all clients use unless a fault makes another."""

    folder: Path
    stores: Stores
    database: str
    apis: list[Api]
    workers: list[Program]
    target: Target
    journal: Journal
    client: httpx.AsyncClient
    senders: list[Sender] = field(default_factory=list)

    @asynccontextmanager
    async def traffic(self, senders: int = 4, per_second: float = 2.0, batch_size: int = 50) -> AsyncIterator[None]:
        """Clients at work; on the way out each brings its last batch home."""
        stopping = asyncio.Event()
        self.senders = [
            Sender(len(self.senders) + n, self.target, self.journal, batch_size, per_second) for n in range(senders)
        ]
        self.senders.append(UsageSender(senders, self.target, self.journal, batch_size // 2, per_second))
        tasks = [asyncio.create_task(client.run(stopping)) for client in self.senders]
        tasks.append(asyncio.create_task(Reader(self.target, self.journal).run(stopping)))
        tasks.append(asyncio.create_task(self.keep_workers(stopping)))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(asyncio.gather(*tasks), SETTLE_SECONDS)

    async def keep_workers(self, stopping: asyncio.Event) -> None:
        """Start a worker that ended again, as `mayday up` and every supervisor does."""
        while not stopping.is_set():
            for worker in self.workers:
                if not worker.is_running:
                    worker.start()
            await asyncio.sleep(1.0)

    async def heal(self) -> None:
        """Every API ready again. Raises ProgramFailed."""
        for api in self.apis:
            if not api.is_running:
                api.start()
        await asyncio.gather(*[api.wait_until_ready() for api in self.apis])

    async def first_taken(self, since: float, seconds: float) -> float | None:
        """Seconds from `since` (monotonic) to the end of the first write asked for after it that was taken."""
        while time.monotonic() - since < seconds:
            ends = [
                answer.at + answer.seconds - since
                for answer in self.journal.answers
                if answer.kind == "write" and answer.is_taken and answer.at >= since
            ]
            if ends:
                return min(ends)
            await asyncio.sleep(0.02)
        return None

    async def send_once(self, event_ids: Sequence[str] | None = None, *, count: int = 1, api: Api | None = None) -> int:
        """One batch of a client of its own, sent once, journalled like all others; the status, 0 for a broken one."""
        sender = Sender(0, self.target, self.journal, len(event_ids or ()) or count)
        errors = sender.make_batch(0)
        for error, event_id in zip(errors, event_ids or (), strict=False):
            error["event_id"] = event_id
        return await sender.send(self.client, errors, api or self.target.next_api())

    async def make_target(self, name: str) -> Target:
        """A project of that name with keys, as a place to send to."""
        return await make_target(self.stores, self.database, self.apis, name)

    async def verdict(self) -> Verdict:
        """What the journal says, against every row that is stored."""
        rows = await self.stores.sql(ALL_STORED, database=self.database)
        return self.journal.judge((UUID(int=row["id"].int), row["content"]) for row in rows)

    async def find_wrong_sums(self, targets: Sequence[Target] = ()) -> list[str]:
        """Wait until the worker has counted all; then where counts and stored rows differ, in a sentence each."""
        problems = []
        for target in targets or [self.target]:
            [[stored]] = await self.stores.sql(
                "SELECT count(*) FROM errors WHERE project_id = $1", target.project_id, database=self.database
            )
            told = await self.wait_for_total(target, stored)
            parts = {
                "patterns and other": sum(p["count"] for p in told["patterns"]) + told["other"]["count"],
                **{by: sum(item["count"] for item in told[by]) for by in ("by_severity", "by_service", "series")},
                "total": told["total"],
            }
            for table in ("rollups", "fingerprints"):
                [[parts[table]]] = await self.stores.sql(
                    f"SELECT coalesce(sum(count), 0)::bigint FROM {table} WHERE project_id = $1",  # noqa: S608
                    target.project_id,
                    database=self.database,
                )
            problems += [
                f"{target.name}: {stored:,} rows are stored, {part} say {count:,}"
                for part, count in parts.items()
                if count != stored
            ]
            problems += [
                f"{target.name}: {row['stored_records']:,} usage records of {row['stored_tokens']:,} tokens are stored,"
                f" sums of {row['minutes']} minutes say {row['records']:,} of {row['tokens']:,}"
                for row in await self.stores.sql(USAGE_SUMS, target.project_id, database=self.database)
                if (row["records"], row["tokens"]) != (row["stored_records"], row["stored_tokens"])
            ]
        return problems

    async def wait_for_total(self, target: Target, stored: int) -> dict[str, Any]:
        """The patterns answer of a day; the first that counts all that is stored, or the last one that came."""
        told: dict[str, Any] = {}
        until = time.monotonic() + SETTLE_SECONDS
        headers = {"Authorization": f"Bearer {target.read_key}"}
        async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=20) as client:
            while time.monotonic() < until:
                answer = await client.get(f"{self.apis[0].url}/api/errors/patterns?window=24h")
                if answer.status_code == 200:
                    told = answer.json()
                    if told["total"] == stored:
                        return told
                await asyncio.sleep(0.5)
        return told


@asynccontextmanager
async def run_stack(
    folder: Path,
    *,
    apis: int = 2,
    workers: int = 2,
    settings: Mapping[str, str] | None = None,
    api_command: Sequence[str] = API_COMMAND,
) -> AsyncIterator[Stack]:
    """Stores, schema, programs; `folder` must be one that everybody may pass (0711). Stops all on the way out."""
    async with await Stores.start(folder) as stores:
        await asyncio.to_thread(upgrade, stores.direct_url())
        async with run_programs(
            stores, folder, apis=apis, workers=workers, settings=settings, api_command=api_command
        ) as stack:
            yield stack


@asynccontextmanager
async def run_programs(
    stores: Stores,
    folder: Path,
    *,
    database: str = DATABASE,
    apis: int = 2,
    workers: int = 2,
    settings: Mapping[str, str] | None = None,
    api_command: Sequence[str] = API_COMMAND,
    root: Path = ROOT,
) -> AsyncIterator[Stack]:
    """Programs and a project on a database of stores that run already, its schema made; `root` has their code."""
    environment = {**stores.urls(database), **QUICK, "MAYDAY_HOME": str(folder / "home"), **(settings or {})}
    api_programs = [make_api(f"{database}-api-{n}", environment, folder, api_command, root) for n in range(apis)]
    worker_programs = [
        make_worker(f"{database}-worker-{n}", environment, folder, WORKER_COMMAND, root) for n in range(workers)
    ]
    async with AsyncExitStack() as stack:
        programs: list[Program] = [*worker_programs, *api_programs]
        for program in programs:
            stack.push_async_callback(program.stop)
            program.start()
        await asyncio.gather(*[api.wait_until_ready() for api in api_programs])
        target = await make_target(stores, database, api_programs, "chaos")
        journal = stack.enter_context(Journal.at(folder / f"{database}-journal.jsonl"))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=GIVE_UP_SECONDS))
        yield Stack(folder, stores, database, api_programs, worker_programs, target, journal, client)


async def make_target(stores: Stores, database: str, apis: Sequence[Api], name: str) -> Target:
    """A project and its keys, made past the proxies."""
    settings = Settings.load(database_url=stores.direct_url(database))

    async def make(connection: AsyncConnection) -> Target:
        project_id = await ensure_project(connection, name)
        ingest, read = [
            await create_key(connection, project_id, scope, "chaos") for scope in (Scope.ingest, Scope.read)
        ]
        return Target(apis, project_id, name, ingest, read)

    return await in_transaction(settings, make)
