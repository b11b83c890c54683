"""Delivers batches: a few at once, and each again, with the same ids, until it is answered for good."""

import asyncio
import gzip
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import httpx
import typer

from cli.send.reading import Line

MAX_REASONS = 10
PAUSE_SECONDS = (0.2, 10.0)
TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(slots=True)
class Tally:
    """What became of the errors so far."""

    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    retries: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)
    last_failure: str = ""
    started: float = field(default_factory=time.monotonic)

    def reject(self, place: str, reason: str) -> None:
        self.rejected += 1
        if len(self.reasons) < MAX_REASONS:
            self.reasons.append((place, reason))

    def describe(self, undelivered: int) -> str:
        """One line."""
        total = self.stored + self.duplicates + self.rejected + undelivered
        seconds = time.monotonic() - self.started
        return (
            f"{total:,} errors in {seconds:.1f} s: {self.stored:,} stored, {self.duplicates:,} duplicates, "
            f"{self.rejected:,} rejected, {undelivered:,} not delivered ({self.retries:,} retries)"
        )


@dataclass(slots=True)
class Delivery:
    """One run of `mayday send`."""

    url: str
    key: str
    in_flight: int
    give_up_seconds: float
    tally: Tally = field(default_factory=Tally)
    undelivered: list[Line] = field(default_factory=list)

    async def run(self, batches: Iterable[list[Line]], advance: Callable[[int], None]) -> None:
        """Deliver every batch, `in_flight` at a time."""
        source = iter(batches)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False) as client:
            await asyncio.gather(*[self.work(client, source, advance) for _ in range(self.in_flight)])

    async def work(
        self, client: httpx.AsyncClient, source: Iterator[list[Line]], advance: Callable[[int], None]
    ) -> None:
        for batch in source:
            if not await self.deliver(client, batch):
                self.undelivered += batch
            advance(len(batch))

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
                    return self.count(answer, batch)
                self.tally.last_failure = f"answered {answer.status_code}: {answer.text[:200]}"
                asked_for = retry_after(answer)
            if time.monotonic() > give_up_at:
                return False
            if not self.tally.retries:  # once: who waits wants to know for what
                typer.echo(f"{self.tally.last_failure}: tried again for {self.give_up_seconds:.0f} s", err=True)
            self.tally.retries += 1
            await asyncio.sleep(max(asked_for, pause * random.uniform(0.5, 1)))  # noqa: S311
            pause = min(pause * 2, longest)

    def count(self, answer: httpx.Response, batch: list[Line]) -> bool:
        """Add the outcome of each error; False when the batch as a whole was refused."""
        if answer.status_code in (201, 207):
            body = answer.json()
            self.tally.stored += body["count"]
            self.tally.duplicates += body["duplicates"]
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


def retry_after(answer: httpx.Response) -> float:
    """Seconds that the server asks to wait; 0 when it does not say."""
    value = answer.headers.get("Retry-After", "0")
    return float(value) if value.isdigit() else 0.0
