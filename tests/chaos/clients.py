"""Clients as they should be: ids before the first try, the same ids at every retry, another API when one is gone."""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import httpx
import uuid_utils.compat

from tests.chaos.journal import Answer, Journal
from tests.chaos.programs import Api

GIVE_UP_SECONDS = 20.0  # beyond what every answer must keep to
SHAPES = (
    "payment {} failed: card declined",
    "order {} not found in warehouse",
    "user {} could not log in: password wrong",
    "timeout after {} ms while calling inventory",
    "cache miss for key session:{}",
    "cannot parse invoice {}: unexpected end",
)
SERVICES = ("checkout", "warehouse", "login")


@dataclass(slots=True)
class Target:
    """Where clients send: the APIs in turn, with the keys of one project."""

    apis: Sequence[Api]
    project_id: UUID
    name: str
    ingest_key: str
    read_key: str
    turn: "itertools.count[int]" = field(default_factory=itertools.count)

    def next_api(self) -> Api:
        return self.apis[next(self.turn) % len(self.apis)]


@dataclass(slots=True)
class Sender:
    """Sends batches of errors, each until it is acknowledged. `per_second` bounds how many it begins."""

    path: ClassVar[str] = "/api/errors/batch"
    items: ClassVar[str] = "errors"

    number: int
    target: Target
    journal: Journal
    batch_size: int = 50
    per_second: float = 2.0
    acknowledged_batches: int = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Until told to stop; the batch that is under way then is still brought home."""
        limits = httpx.Limits(max_keepalive_connections=4)
        async with httpx.AsyncClient(trust_env=False, timeout=GIVE_UP_SECONDS, limits=limits) as client:
            for batch in itertools.count():
                if stopping.is_set():
                    return
                began = time.monotonic()
                await self.deliver(client, self.make_batch(batch))
                pause = random.uniform(0.5, 1.5) / self.per_second - (time.monotonic() - began)
                await asyncio.sleep(max(pause, 0))

    def make_batch(self, batch: int) -> list[dict[str, Any]]:
        """Errors that are told apart by their message, so that what is stored can be compared with what was sent."""
        return [
            {
                "event_id": str(uuid_utils.compat.uuid7()),
                "service": SERVICES[item % len(SERVICES)],
                "severity": "error" if item % 5 else "critical",
                "message": SHAPES[(batch + item) % len(SHAPES)].format(f"{self.number}-{batch}-{item}"),
            }
            for item in range(self.batch_size)
        ]

    def elements_of(self, batch: list[dict[str, Any]]) -> dict[UUID, str]:
        """The id of each item, and the content that must be stored under it."""
        return {UUID(error["event_id"]): error["message"] for error in batch}

    async def deliver(self, client: httpx.AsyncClient, batch: list[dict[str, Any]]) -> None:
        """Send until acknowledged, always with the same ids."""
        while (status := await self.send(client, batch, self.target.next_api())) != 201:
            await asyncio.sleep(random.uniform(0.5, 1.0) if status else random.uniform(0.02, 0.1))
        self.acknowledged_batches += 1

    async def send(self, client: httpx.AsyncClient, batch: list[dict[str, Any]], api: Api) -> int:
        """Send once, and note the attempt before and the answer after. The status; 0 for a connection that broke."""
        elements = self.elements_of(batch)
        request = client.build_request(
            "POST",
            f"{api.url}{self.path}",
            content=json.dumps({self.items: batch}).encode(),
            headers={"Authorization": f"Bearer {self.target.ingest_key}", "Content-Type": "application/json"},
        )
        self.journal.attempt(elements, api.name)
        with self.journal.asking():
            answer, content = await ask(request, client, api.name, "write", self.target.name)
        self.journal.note(answer)
        if answer.status == 201:
            told = json.loads(content)
            if told["count"] + told["duplicates"] != len(elements):
                raise AssertionError(f"201 for {len(elements)} {self.items} says {told}")
            self.journal.acknowledge(elements)
        return answer.status


@dataclass(slots=True)
class UsageSender(Sender):
    """The same with usage records: tokens of which budgets know as soon as they are acknowledged."""

    path: ClassVar[str] = "/api/usage/batch"
    items: ClassVar[str] = "records"

    def make_batch(self, batch: int) -> list[dict[str, Any]]:
        now = datetime.now(UTC).isoformat()
        return [
            {
                "event_key": str(uuid_utils.compat.uuid7()),
                "team": SERVICES[item % len(SERVICES)],
                "model": "claude-haiku-4-5",
                "occurred_at": now,
                "input_tokens": 1_000 * batch + item,
                "output_tokens": 7,
            }
            for item in range(self.batch_size)
        ]

    def elements_of(self, batch: list[dict[str, Any]]) -> dict[UUID, str]:
        return {UUID(record["event_key"]): f"{record['input_tokens']} tokens" for record in batch}


@dataclass(slots=True)
class Reader:
    """Asks what people look at, again and again, with the ETag it was given."""

    target: Target
    journal: Journal
    pause_seconds: float = 0.1
    paths: tuple[str, ...] = ("/api/errors/recent?limit=20", "/api/errors/patterns", "/api/errors?limit=20")

    async def run(self, stopping: asyncio.Event) -> None:
        headers = {"Authorization": f"Bearer {self.target.read_key}"}
        async with httpx.AsyncClient(trust_env=False, timeout=GIVE_UP_SECONDS, headers=headers) as client:
            for path in itertools.cycle(self.paths):
                if stopping.is_set():
                    return
                api = self.target.next_api()
                request = client.build_request("GET", f"{api.url}{path}")
                with self.journal.asking():
                    answer, _ = await ask(request, client, api.name, "read", self.target.name)
                self.journal.note(answer)
                await asyncio.sleep(self.pause_seconds)


async def ask(
    request: httpx.Request, client: httpx.AsyncClient, api: str, kind: str, project: str
) -> tuple[Answer, bytes]:
    """One request and how it ended; never raises for what a broken server may do."""
    at = time.monotonic()
    try:
        answer = await client.send(request)
    except httpx.HTTPError as error:
        return Answer(at, time.monotonic() - at, kind, 0, False, api, project, repr(error)), b""
    seconds = time.monotonic() - at
    detail = "" if answer.is_success or answer.status_code == 304 else answer.text[:500]
    has_hint = "retry-after" in answer.headers
    return Answer(at, seconds, kind, answer.status_code, has_hint, api, project, detail), answer.content
