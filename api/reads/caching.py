"""Read-through: a copy in this process, else the cache, else Postgres. Every answer is ready bytes and an ETag.

An answer is good while the generation that it was made under is the current one. A process looks at the generation
at most every half `recent_max_age_seconds`; writers raise it at most as often; so what is served is about one such
age old, no more. When it has changed and this process held a good copy until then, the reader gets that copy and one
task makes the new one: nobody waits, and at the next read it is there. Not so what people decided by this process: it is
in what is read next (`outdate`).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import structlog

from api.http.single_flight import SingleFlight
from api.reads.answer_cache import AnswerCache, HeldAnswer, Question
from common.cache import Cache, CachedAnswer, CacheUnavailable, Topic
from common.cache.sealing import make_etag
from common.compression import Encoding
from common.settings.api import ReadSettings
from common.telemetry import metrics

log = structlog.get_logger()

COPIES_MAX = 10_000  # of answers; what bounds them in practice is `read_copies_max_bytes`

Source = Literal["hit", "miss", "stale", "bypass"]
GenerationKey = tuple[UUID, Topic]
Build = Callable[[], Awaitable[bytes]]
Refreshed = tuple[HeldAnswer, Encoding, Source]


@dataclass(frozen=True, slots=True)
class Served:
    """One answer as it goes out."""

    etag: str
    encoding: Encoding
    body: bytes
    source: Source


class Reads:
    """The answers of this process. Knows nothing of HTTP or of what the answers say."""

    def __init__(self, cache: Cache, settings: ReadSettings) -> None:
        self.cache = cache
        self.settings = settings
        self.trust_seconds = settings.recent_max_age_seconds / 2
        self.answer_cache = AnswerCache(COPIES_MAX, settings.read_copies_max_bytes)
        self.generations: OrderedDict[GenerationKey, tuple[str, float]] = OrderedDict()
        self.outdated: dict[GenerationKey, float] = {}
        self.to_raise: set[GenerationKey] = set()
        self.looks = SingleFlight[str](note_failed_look)
        self.flights = SingleFlight[HeldAnswer](note_failed_answer)
        self.refreshes = SingleFlight[Refreshed](note_failure=lambda _: None)  # it is noted by the one above
        self.puts = SingleFlight[None](note_failed_answer)

    async def close(self) -> None:
        """Wait for what is under way to Redis, which takes no longer than its time limit."""
        await self.looks.end_all()
        await self.puts.end_all()

    async def answer(self, question: Question, encoding: Encoding, build: Build) -> Served:
        """The answer to the question, made by `build` when nobody has a good one."""
        copy = self.answer_cache.get(question)
        try:
            generation = await self.generation(question)
        except CacheUnavailable:
            return await self.answer_without_cache(question, encoding, build)
        if (
            copy is not None
            and copy.generation == generation
            and await self.answer_cache.encode(question, copy, encoding)
        ):
            return self.serve(question, copy, encoding, "hit")
        flight = self.begin_refresh(question, generation, encoding, build)
        if (
            copy is not None
            and self.may_go_stale(question, copy)
            and await self.answer_cache.encode(question, copy, encoding)
        ):
            return self.serve(question, copy, encoding, "stale")
        return self.serve(question, *await asyncio.shield(flight))

    def held(self, question: Question, encoding: Encoding, build: Build) -> Served | None:
        """The answer where this process holds it and knows that it is good, or was until now; never waits."""
        copy = self.answer_cache.get(question)
        generation, asked_at = self.generations.get((question.project_id, question.topic), ("", 0.0))
        if copy is None or not generation or encoding not in copy.bodies:
            return None
        age_seconds = time.monotonic() - asked_at
        if age_seconds > self.trust_seconds:
            return None
        if age_seconds > self.trust_seconds / 2:
            self.look((question.project_id, question.topic))  # or all readers of that moment would wait for it
        if copy.generation == generation:
            return self.serve(question, copy, encoding, "hit")
        if not self.may_go_stale(question, copy):
            return None
        self.begin_refresh(question, generation, encoding, build)
        return self.serve(question, copy, encoding, "stale")

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
        if key not in self.to_raise:
            return self.note_generation(key, await self.cache.generation(*key), asked_at)
        generation = await self.cache.raise_generation(*key)
        self.to_raise.discard(key)
        return self.note_generation(key, generation, asked_at)

    def note_generation(self, key: GenerationKey, generation: str, asked_at: float) -> str:
        """Keep what was asked for at that time, unless something later is known; gives what is known."""
        known, known_at = self.generations.get(key, ("", asked_at))
        if known_at > asked_at:
            return known
        self.generations[key] = (generation, asked_at)
        self.generations.move_to_end(key)
        if len(self.generations) > COPIES_MAX:
            self.generations.popitem(last=False)
        return generation

    async def outdate(self, project_id: UUID, topic: Topic) -> None:
        """Have what was just committed in the next read by this process, and in those by others once they look at the
        generation again. Where Redis is away it is raised by the next look that reaches it."""
        key = (project_id, topic)
        self.to_raise.add(key)
        self.generations.pop(key, None)
        try:
            await self.ask_generation(key)
        except CacheUnavailable as error:
            log.warning("generation_not_raised", project_id=str(project_id), topic=topic, error=str(error))
        self.outdated = {one: at for one, at in self.outdated.items() if self.is_lately(at)}
        self.outdated[key] = time.monotonic()

    def begin_refresh(
        self, question: Question, generation: str, encoding: Encoding, build: Build
    ) -> "asyncio.Task[Refreshed]":
        """The one task of this process that brings this answer in this coding."""
        return self.refreshes.join(
            (question, generation, encoding), lambda: self.refresh(question, generation, encoding, build)
        )

    async def refresh(self, question: Question, generation: str, encoding: Encoding, build: Build) -> Refreshed:
        """The answer as the cache has it, else made; in this coding."""
        if (found := await self.find(question, generation, encoding)) is not None:
            return found, encoding, "hit"
        return await self.land(question, self.fly(question, generation, build, encoding), encoding), encoding, "miss"

    async def find(self, question: Question, generation: str, encoding: Encoding) -> HeldAnswer | None:
        """The answer that another process has put into the cache."""
        try:
            found = await self.cache.get(question.key(generation), encoding)
        except CacheUnavailable:
            return None
        if found is None:
            return None
        etag, coding, body = found
        copy = self.answer_cache.get(question)
        if copy is None or (copy.generation, copy.etag) != (generation, etag):
            copy = HeldAnswer(etag, generation, time.monotonic())
        copy.bodies[coding] = (coding, body)
        self.answer_cache.keep(question, copy)
        await self.answer_cache.encode(question, copy, encoding)
        return copy

    def fly(self, question: Question, generation: str, build: Build, encoding: Encoding) -> "asyncio.Task[HeldAnswer]":
        """The one task of this process that makes this answer, in the coding of the first who asks for it."""
        return self.flights.join((question, generation), lambda: self.make(question, generation, build, encoding))

    async def land(self, question: Question, flight: "asyncio.Task[HeldAnswer]", encoding: Encoding) -> HeldAnswer:
        """What the flight brings, in this coding too."""
        copy = await asyncio.shield(flight)
        await self.answer_cache.encode(question, copy, encoding)
        return copy

    async def make(self, question: Question, generation: str, build: Build, encoding: Encoding) -> HeldAnswer:
        """Build the answer and keep it here. Nobody waits until it is in the cache, under the generation that was read
        before."""
        body = await build()
        copy = HeldAnswer(make_etag(body), generation, time.monotonic(), {"identity": ("identity", body)})
        self.answer_cache.keep(question, copy)
        await self.answer_cache.encode(question, copy, encoding)
        if generation:
            self.puts.join((question, generation), lambda: self.put(question, copy))
        return copy

    async def put(self, question: Question, copy: HeldAnswer) -> None:
        """For other processes, which make codings of their own of it where they need them."""
        bodies = dict(copy.bodies.values())
        try:
            await self.cache.put(question.key(copy.generation), CachedAnswer(copy.etag, bodies))
        except CacheUnavailable as error:
            log.debug("answer_not_cached", error=str(error))

    async def answer_without_cache(self, question: Question, encoding: Encoding, build: Build) -> Served:
        """With Redis away: from Postgres, at most once per `trust_seconds` and question."""
        copy = self.answer_cache.get(question)
        is_good = (
            copy is not None
            and time.monotonic() - copy.good_at <= self.trust_seconds
            and not self.is_outdated(question)
        )
        if copy is None or not is_good or not await self.answer_cache.encode(question, copy, encoding):
            copy = await self.land(question, self.fly(question, "", build, encoding), encoding)
        return self.serve(question, copy, encoding, "bypass")

    def may_go_stale(self, question: Question, copy: HeldAnswer) -> bool:
        """Whether serving the outdated copy once more is fair: it was good until the last look at the generation, and what
        outdated it is nothing that somebody did by this process, and wants to see."""
        return self.is_recent(copy) and not self.is_outdated(question)

    def is_recent(self, copy: HeldAnswer) -> bool:
        return self.is_lately(copy.good_at)

    def is_outdated(self, question: Question) -> bool:
        """Whether copies of before may be around of what this process outdated."""
        at = self.outdated.get((question.project_id, question.topic))
        return at is not None and self.is_lately(at)

    def is_lately(self, at: float) -> bool:
        return time.monotonic() - at < 2 * self.trust_seconds

    def serve(self, question: Question, copy: HeldAnswer, encoding: Encoding, source: Source) -> Served:
        if source == "hit":
            copy.good_at = time.monotonic()
            self.answer_cache.touch(question)
        metrics.READS.of(question.name, source).inc()
        coding, body = copy.bodies[encoding]
        return Served(copy.etag, coding, body, source)


def note_failed_look(error: BaseException) -> None:
    log.debug("generation_not_known", error=str(error))


def note_failed_answer(error: BaseException) -> None:
    log.warning("answer_not_made", error=f"{type(error).__name__}: {error}")
