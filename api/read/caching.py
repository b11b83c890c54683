"""Read-through: a copy in this process, else the cache, else Postgres. Every answer is ready bytes and an ETag.

An answer is good while the generation that it was made under is the current one. A process looks at the generation
at most every half `recent_max_age_seconds`; writers raise it at most as often; so what is served is about one such
age old, no more. When it has changed and this process held a good copy until then, the reader gets that copy and one
task makes the new one: nobody waits, and at the next read it is there.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from api.flights import Flights
from common.cache import Answer, Cache, CacheUnavailable, Topic, answer_key
from common.compression import Encoding
from common.settings import Settings
from common.telemetry import metrics

log = structlog.get_logger()

Source = Literal["hit", "miss", "stale", "bypass"]
ENCODINGS: tuple[Encoding, ...] = ("identity", "gzip", "br", "zstd")
GenerationKey = tuple[UUID, Topic]
Build = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Served:
    """One answer as it goes out."""

    etag: str
    encoding: Encoding
    body: bytes
    source: Source


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: equal questions have equal answers under one generation."""

    project_id: UUID
    topic: Topic
    name: str
    parameters: tuple[tuple[str, Any], ...]
    hashed: int = field(init=False, repr=False, compare=False)  # looked up three times for each answer

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.project_id, self.topic, self.name, self.parameters)))

    def __hash__(self) -> int:
        return self.hashed

    def key(self, generation: str) -> str:
        return answer_key(self.project_id, generation, self.name, **dict(self.parameters))


@dataclass(slots=True)
class Copy:
    """An answer that this process holds, in the codings that were asked for, and when it was last known good."""

    etag: str
    generation: str
    good_at: float
    bodies: dict[Encoding, tuple[Encoding, bytes]] = field(default_factory=dict)
    kept_bytes: int = 0


class Reads:
    """The answers of this process. Knows nothing of HTTP or of what the answers say."""

    def __init__(self, cache: Cache, engine: AsyncEngine, settings: Settings) -> None:
        self.cache = cache
        self.engine = engine
        self.settings = settings
        self.trust_seconds = settings.recent_max_age_seconds / 2
        self.copies: OrderedDict[Question, Copy] = OrderedDict()
        self.copies_bytes = 0
        self.generations: OrderedDict[GenerationKey, tuple[str, float]] = OrderedDict()
        self.looks = Flights[str](note_failed_look)
        self.flights = Flights[Copy](note_failed_answer)

    async def answer(self, question: Question, encoding: Encoding, build: Build) -> Served:
        """The answer to the question, made by `build` when nobody has a good one."""
        copy = self.copies.get(question)
        try:
            generation = await self.generation(question)
        except CacheUnavailable:
            return await self.answer_without_cache(question, encoding, build)
        if copy is not None and copy.generation == generation and encoding in copy.bodies:
            return self.serve(question, copy, encoding, "hit")
        if (found := await self.find(question, generation, encoding)) is not None:
            return self.serve(question, found, encoding, "hit")
        flight = self.fly(question, generation, build)
        if copy is not None and encoding in copy.bodies and self.is_recent(copy):
            return self.serve(question, copy, encoding, "stale")
        return self.serve(question, await asyncio.shield(flight), encoding, "miss")

    def held(self, question: Question, encoding: Encoding) -> Served | None:
        """The answer where this process holds it and knows that it is good; never waits."""
        copy = self.copies.get(question)
        generation, asked_at = self.generations.get((question.project_id, question.topic), ("", 0.0))
        if copy is None or not generation or copy.generation != generation or encoding not in copy.bodies:
            return None
        age_seconds = time.monotonic() - asked_at
        if age_seconds > self.trust_seconds:
            return None
        if age_seconds > self.trust_seconds / 2:
            self.look((question.project_id, question.topic))  # or all readers of that moment would wait for it
        return self.serve(question, copy, encoding, "hit")

    async def generation(self, question: Question) -> str:
        """The current generation, asked for at most every `trust_seconds`. Raises CacheUnavailable."""
        key = (question.project_id, question.topic)
        generation, asked_at = self.generations.get(key, ("", float("-inf")))
        if time.monotonic() - asked_at > self.trust_seconds:
            generation = await asyncio.shield(self.look(key))
        return generation

    def look(self, key: GenerationKey) -> "asyncio.Task[str]":
        """The one task of this process that asks for this generation."""
        return self.looks.join(key, lambda: self.ask_generation(key))

    async def ask_generation(self, key: GenerationKey) -> str:
        """Raises CacheUnavailable."""
        asked_at = time.monotonic()
        generation = await self.cache.generation(*key)
        self.generations[key] = (generation, asked_at)
        self.generations.move_to_end(key)
        if len(self.generations) > self.settings.read_copies_max_entries:
            self.generations.popitem(last=False)
        return generation

    async def find(self, question: Question, generation: str, encoding: Encoding) -> Copy | None:
        """The answer that another process has put into the cache."""
        try:
            found = await self.cache.get(question.key(generation), encoding)
        except CacheUnavailable:
            return None
        if found is None:
            return None
        etag, coding, body = found
        copy = self.copies.get(question)
        if copy is None or copy.generation != generation:
            copy = Copy(etag, generation, time.monotonic())
        copy.bodies[encoding] = (coding, body)
        self.keep(question, copy)
        return copy

    def fly(self, question: Question, generation: str, build: Build) -> "asyncio.Task[Copy]":
        """The one task of this process that makes this answer."""
        return self.flights.join((question, generation), lambda: self.make(question, generation, build))

    async def make(self, question: Question, generation: str, build: Build) -> Copy:
        """Build the answer, keep it here, and put it into the cache under the generation that was read before."""
        answer = Answer.of(await build())
        copy = Copy(answer.etag, generation, time.monotonic())
        for encoding in ENCODINGS:
            coding = encoding if encoding in answer.bodies else "identity"
            copy.bodies[encoding] = (coding, answer.bodies[coding])
        self.keep(question, copy)
        if generation:
            try:
                await self.cache.put(question.key(generation), answer)
            except CacheUnavailable as error:
                log.debug("answer_not_cached", error=str(error))
        return copy

    async def answer_without_cache(self, question: Question, encoding: Encoding, build: Build) -> Served:
        """With Redis away: from Postgres, at most once per `trust_seconds` and question."""
        copy = self.copies.get(question)
        if copy is None or encoding not in copy.bodies or time.monotonic() - copy.good_at > self.trust_seconds:
            copy = await asyncio.shield(self.fly(question, "", build))
        return self.serve(question, copy, encoding, "bypass")

    def is_recent(self, copy: Copy) -> bool:
        """Whether the copy was good until the last look at the generation, so that serving it once more is fair."""
        return time.monotonic() - copy.good_at < 2 * self.trust_seconds

    def serve(self, question: Question, copy: Copy, encoding: Encoding, source: Source) -> Served:
        if source == "hit":
            copy.good_at = time.monotonic()
            if question in self.copies:
                self.copies.move_to_end(question)
        metrics.READS.of(question.name, source).inc()
        coding, body = copy.bodies[encoding]
        return Served(copy.etag, coding, body, source)

    def keep(self, question: Question, copy: Copy) -> None:
        """Hold the copy; those that were not used for longest go when there are too many, or too many bytes."""
        self.forget(self.copies.pop(question, None))
        copy.kept_bytes = sum(len(body) for _, body in copy.bodies.values())
        self.copies[question] = copy
        self.copies_bytes += copy.kept_bytes
        limits = self.settings
        while len(self.copies) > limits.read_copies_max_entries or self.copies_bytes > limits.read_copies_max_bytes:
            self.forget(self.copies.popitem(last=False)[1])

    def forget(self, copy: Copy | None) -> None:
        self.copies_bytes -= copy.kept_bytes if copy else 0


def note_failed_look(error: BaseException) -> None:
    log.debug("generation_not_known", error=str(error))


def note_failed_answer(error: BaseException) -> None:
    log.warning("answer_not_made", error=f"{type(error).__name__}: {error}")
