"""Delivers batches: a few at once, and each again, with the same ids, until it is answered for good."""

import asyncio
import gzip
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
import typer

from api.ingest.receivers.shipper.mapping import BELOW_LEVEL
from cli.send.mapping import Line, Unsent

MAX_REASONS = 10
PAUSE_SECONDS = (0.2, 10.0)
TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
KEY_REFUSED = {401, 403}


class KeyRefused(Exception):
    """The server takes no errors with this key; the text says what it said."""


class Batch(NamedTuple):
    """Errors to send at once, and how many bytes of the inputs were read by then."""

    lines: list[Line]
    position: int = 0


@dataclass(slots=True)
class Tally:
    """What became of the records so far."""

    level: str = "warning"
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    retries: int = 0
    retimed: int = 0
    unsent: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, tuple[str, int]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    last_failure: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def records(self) -> int:
        return self.stored + self.duplicates + self.rejected + sum(self.unsent.values())

    def reject(self, place: str, reason: str) -> None:
        """Count one that cannot be stored; a reason is told once, with its first place."""
        self.rejected += 1
        first, count = self.reasons.get(reason, (place, 0))
        if count or len(self.reasons) < MAX_REASONS:
            self.reasons[reason] = (first, count + 1)

    def count_unsent(self, unsent: Unsent) -> None:
        if unsent.what:
            self.unsent[unsent.what] += 1
        else:
            self.reject(unsent.place, unsent.reason)

    def refuse(self, reason: str) -> None:
        """An input that is not read, or not to its end."""
        self.refused.append(reason)

    def note_missing(self, columns: Iterable[str]) -> None:
        self.missing += columns

    def describe(self, undelivered: int) -> str:
        """One line."""
        total = self.stored + self.duplicates + self.rejected + undelivered
        seconds = time.monotonic() - self.started
        said = (
            f"{total:,} errors in {seconds:.1f} s: {self.stored:,} stored, {self.duplicates:,} duplicates, "
            f"{self.rejected:,} rejected, {undelivered:,} not delivered ({self.retries:,} retries)"
        )
        below, without = self.unsent[BELOW_LEVEL], sum(self.unsent.values()) - self.unsent[BELOW_LEVEL]
        parts = [f"{below:,} below {self.level}"] if below else []
        parts += [f"{without:,} that name no level and nothing that failed"] if without else []
        return f"{said}; not sent: {', '.join(parts)}" if parts else said


@dataclass(slots=True)
class Delivery:
    """One run of `mayday send`."""

    url: str
    key: str
    in_flight: int
    give_up_seconds: float
    tally: Tally = field(default_factory=Tally)
    undelivered: list[Line] = field(default_factory=list)

    async def run(self, next_batch: Callable[[], Awaitable[Batch | None]], show: Callable[[int], None]) -> None:
        """Deliver every batch, `in_flight` at a time. Raises KeyRefused."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"}
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False)
        async with client, asyncio.TaskGroup() as group:
            for _ in range(self.in_flight):
                group.create_task(self.work(client, next_batch, show))

    async def work(
        self,
        client: httpx.AsyncClient,
        next_batch: Callable[[], Awaitable[Batch | None]],
        show: Callable[[int], None],
    ) -> None:
        while (batch := await next_batch()) is not None:
            if batch.lines and not await self.deliver(client, batch.lines):
                self.undelivered += batch.lines
            show(batch.position)

    async def deliver(self, client: httpx.AsyncClient, batch: list[Line]) -> bool:
        """Send a batch until it is answered for good; False when it was not in time, or never will be."""
        body = gzip.compress(b"\n".join(line.body for line in batch), compresslevel=1)
        give_up_at = time.monotonic() + self.give_up_seconds
        pause, longest = PAUSE_SECONDS
        while True:
            asked_for = 0.0
            try:
                answer = await client.post("/api/errors/batch", content=body, headers={"Content-Encoding": "gzip"})
            except httpx.TransportError as error:
                self.tally.last_failure = f"{self.url} does not answer ({type(error).__name__})"
            else:
                if answer.status_code not in TRY_AGAIN:
                    return await self.settle(client, answer, batch)
                self.tally.last_failure = f"answered {answer.status_code}: {answer.text[:200]}"
                asked_for = retry_after(answer)
            if time.monotonic() > give_up_at:
                return False
            if not self.tally.retries:  # once: who waits wants to know for what
                typer.echo(f"{self.tally.last_failure}: tried again for {self.give_up_seconds:.0f} s", err=True)
            self.tally.retries += 1
            await asyncio.sleep(max(asked_for, pause * random.uniform(0.5, 1)))  # noqa: S311
            pause = min(pause * 2, longest)

    async def settle(self, client: httpx.AsyncClient, answer: httpx.Response, batch: list[Line]) -> bool:
        """Count what was answered for good; what is too large goes in halves. Raises KeyRefused."""
        if answer.status_code in KEY_REFUSED:
            raise KeyRefused(detail_of(answer))
        if answer.status_code == 413 and len(batch) > 1:
            half = len(batch) // 2
            first = await self.deliver(client, batch[:half])
            return await self.deliver(client, batch[half:]) and first
        return self.count(answer, batch)

    def count(self, answer: httpx.Response, batch: list[Line]) -> bool:
        """Add the outcome of each error; False when the batch as a whole was refused."""
        if answer.status_code in (201, 207):
            body = answer.json()
            self.tally.stored += body["count"]
            self.tally.duplicates += body["duplicates"]
            self.tally.retimed += sum("retimed" in item["adjustments"] for item in body["adjusted"])
            for item in body["rejected"]:
                self.tally.reject(batch[item["index"]].place, f"{item['reason']}: {item['detail']}")
            return True
        places = answer.json().get("errors") if answer.status_code == 422 else None
        if places:  # none of the batch could be stored
            reasons = {int(place["pointer"].split("/")[2]): place["detail"] for place in places}
            for index, line in enumerate(batch):
                self.tally.reject(line.place, reasons.get(index, "as the others"))
            return True
        self.tally.last_failure = f"answered {answer.status_code}: {answer.text[:300]}"
        return False


def detail_of(answer: httpx.Response) -> str:
    """What a refusal says."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def retry_after(answer: httpx.Response) -> float:
    """Seconds that the server asks to wait; 0 when it does not say."""
    value = answer.headers.get("Retry-After", "0")
    return float(value) if value.isdigit() else 0.0
