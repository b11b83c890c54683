"""The cache that API and worker share: answers ready to send, kept under the generation of what they were made from.

Redis is never in the way: a call answers within `cache_timeout_seconds`, and after a failure the cache is left alone for
a moment. Callers see `CacheUnavailable` and go to Postgres. What it brings is believed only where it can
be what was put there (common/cache/sealing.py); anything else counts as nothing, and is written anew.
"""

import hashlib
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Self
from uuid import UUID, uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from common.cache.connecting import make_redis
from common.cache.sealing import DIGEST_BYTES, ETAG_BYTES, GENERATION_CHARS, make_etag, read_generation, seal, unseal
from common.compression import Encoding, compress
from common.settings.stores import CacheSettings
from common.telemetry import metrics

Topic = Literal["errors", "patterns"]

# No answer is larger: two hundred messages of 8 KiB, each byte of them written with six. One that is stays in its process.
LARGEST_BYTES = 16 * 2**20
# An answer that nobody outdates is made anew after this all the same, and one that nobody asks for has left by then.
TTL_SECONDS = 300
# How long a Redis that failed is left alone: meanwhile no read waits for its time limit, and one that is back is used soon.
RETRY_SECONDS = 2.0
# What Redis says of a key that holds another kind of value than the command is for.
FAULTS_OF_KEYS = ("WRONGTYPE", "value is not an integer", "would overflow")
NOTHING: tuple[object, ...] = (b"", None, 0, [None, None])


class CacheUnavailable(Exception):
    """Redis did not answer in time, or is being left alone after it failed."""


class EntryBroken(CacheUnavailable):
    """Redis works, but what it holds at this key is not what belongs there."""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A JSON body in every coding that it is kept in, and the weak ETag that all of them share."""

    etag: str
    bodies: dict[Encoding, bytes]

    @classmethod
    def of(cls, body: bytes) -> Self:
        """Compress once; the ETag is made of the content, so equal answers have equal tags in every process."""
        return cls(make_etag(body), compress(body))


@dataclass(slots=True)
class Cache:
    """Redis as the programs use it. Opens nothing until the first call."""

    redis: Redis
    retry_seconds: float = RETRY_SECONDS
    left_alone_until: float = 0.0

    @classmethod
    def connect(cls, settings: CacheSettings) -> Self:
        """A cache on `MAYDAY_CACHE_URL`, or `MAYDAY_REDIS_URL` where that is empty."""
        redis = make_redis(
            settings.effective_cache_url,
            socket_timeout=settings.cache_timeout_seconds,
            socket_connect_timeout=settings.cache_timeout_seconds,
            # a pooled connection that a restarted server has forgotten is worth one more try, a slow one is not
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
        return cls(redis)

    async def close(self) -> None:
        await self.redis.aclose()

    async def generation(self, project_id: UUID, topic: Topic) -> str:
        """The token under which answers about `topic` are valid now. Raises CacheUnavailable."""
        key = generation_key(project_id, topic)
        for is_first in (True, False):
            found = await self.look(self.redis.getrange(key, 0, GENERATION_CHARS))
            if generation := read_generation(found):
                return generation
            note_broken(found)
            # nothing is mostly a key that another process makes at this moment too, and seldom an empty text
            await self.ask(self.redis.set(key, uuid4().hex, nx=is_first and found == b""))
        return read_generation(await self.look(self.redis.getrange(key, 0, GENERATION_CHARS))) or refuse(key)

    async def raise_generation(self, project_id: UUID, topic: Topic) -> str:
        """Make every answer about `topic` outdated. Gives the generation from now on, a fresh random token, so that a lost
        one never comes back. Raises CacheUnavailable.
        """
        generation = uuid4().hex
        await self.ask(self.redis.set(generation_key(project_id, topic), generation))
        return generation

    async def publish(
        self, project_id: UUID, topic: Topic, answers: Iterable[tuple[str, dict[str, Any], CachedAnswer]]
    ) -> None:
        """Put answers (route name, parameters, answer) under a new generation, then raise it: no read ever misses.

        Raises CacheUnavailable.
        """
        generation = uuid4().hex
        for name, parameters, answer in answers:
            await self.put(answer_key(project_id, generation, name, **parameters), answer)
        await self.ask(self.redis.set(generation_key(project_id, topic), generation))

    async def get(self, key: str, encoding: Encoding) -> tuple[str, Encoding, bytes] | None:
        """ETag, coding and body of the answer at `key`; identity where it was too small to compress.

        None also where there is something else. Raises CacheUnavailable.
        """
        codings: tuple[Encoding, ...] = (encoding, "identity")
        async with self.redis.pipeline(transaction=False) as pipeline:
            for field in (*codings, "etag"):
                pipeline.hstrlen(key, field)
            *sizes, etag_bytes = await self.ask(pipeline.execute(raise_on_error=False))
        kept = find_coding(codings, sizes)
        if kept is None:
            return None
        if etag_bytes != ETAG_BYTES:
            note_broken(f"an ETag of {etag_bytes} bytes")
            return None
        found = await self.look(self.redis.hmget(key, ["etag", kept]))
        opened = unseal(key, kept, found)
        if opened is None:
            note_broken(found)
            return None
        return opened[0], kept, opened[1]

    async def put(self, key: str, answer: CachedAnswer) -> None:
        """Keep the answer for the TTL, spread by a tenth so that not all end at once. Raises CacheUnavailable."""
        if max(map(len, answer.bodies.values())) > LARGEST_BYTES:
            return
        sealed = {coding: seal(key, coding, answer.etag, body) for coding, body in answer.bodies.items()}
        fields: dict[Any, Any] = {"etag": answer.etag, **sealed}
        async with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping=fields)
            pipeline.pexpire(key, int(TTL_SECONDS * random.uniform(900, 1000)))  # noqa: S311
            await self.ask(pipeline.execute())

    async def add(self, amounts: Sequence[tuple[str, int]], ttl_seconds: int) -> list[int | None]:
        """Add positive amounts to the counter at each key, in one round trip; gives the new totals, None where there was
        no counter that can be added to, which begins anew then. Raises CacheUnavailable."""
        async with self.redis.pipeline(transaction=False) as pipeline:
            for key, amount in amounts:
                pipeline.incrby(key, amount)
                pipeline.expire(key, ttl_seconds)
            answers = await self.ask(pipeline.execute(raise_on_error=False))
        totals = [read_total(answer, amount) for answer, (_, amount) in zip(answers[::2], amounts, strict=True)]
        if broken := [key for total, (key, _) in zip(totals, amounts, strict=True) if total is None]:
            metrics.CACHE_CALLS.of("broken").inc(len(broken))
            await self.ask(self.redis.delete(*broken))
        return totals

    async def look(self, call: Any) -> Any:
        """As `ask`; where the key holds another kind of value, that is what is found. Raises CacheUnavailable."""
        try:
            return await self.ask(call)
        except EntryBroken as error:
            return error

    async def ask(self, call: Any) -> Any:
        """Await one call, or raise CacheUnavailable at once while Redis is left alone; EntryBroken where only the key is
        at fault."""
        if time.monotonic() < self.left_alone_until:
            if hasattr(call, "close"):
                call.close()
            metrics.CACHE_CALLS.of("left_alone").inc()
            raise CacheUnavailable("the cache is left alone for a moment after it failed")
        try:
            return refuse_faults(await call)
        except Exception as error:  # whatever the client raises on what is no answer of a Redis
            if is_of_key(error):
                raise EntryBroken(f"the cache holds another kind of value there: {error}") from error
            self.left_alone_until = time.monotonic() + self.retry_seconds
            metrics.CACHE_CALLS.of("failed").inc()
            raise CacheUnavailable(f"the cache did not answer: {error!r}") from error


def is_of_key(error: Exception) -> bool:
    """Whether a command failed for what the key holds, and not because Redis is unwell."""
    return isinstance(error, ResponseError) and any(fault in str(error) for fault in FAULTS_OF_KEYS)


def refuse_faults(answer: Any) -> Any:
    """The answer, also that of a pipeline where some keys were at fault. Raises what else went wrong with one of its
    commands."""
    for one in answer if isinstance(answer, list) else ():
        if isinstance(one, RedisError) and not is_of_key(one):
            raise one
    return answer


def find_coding(codings: Iterable[Encoding], sizes: Sequence[object]) -> Encoding | None:
    """The first coding that is there, and no larger than an answer can be."""
    for coding, size in zip(codings, sizes, strict=True):
        if isinstance(size, int) and 0 < size <= LARGEST_BYTES + DIGEST_BYTES:
            return coding
        note_broken(size)
    return None


def read_total(answer: object, added: int) -> int | None:
    """The total of a counter after something was added; None where it is no number, or was less than nothing before."""
    return answer if isinstance(answer, int) and answer >= added else None


def note_broken(found: object) -> None:
    """Count what is in the cache and is no entry of ours; nothing at all is well."""
    if found not in NOTHING:
        metrics.CACHE_CALLS.of("broken").inc()


def refuse(key: str) -> NoReturn:
    raise EntryBroken(f"the cache does not keep {key}")


def generation_key(project_id: UUID, topic: Topic) -> str:
    return f"mayday:{{{project_id}}}:generation:{topic}"


def answer_key(project_id: UUID, generation: str, name: str, **parameters: Any) -> str:
    """Where the answer of one route, for one project, generation and set of parameters is kept."""
    asked = "&".join(f"{k}={v!r}" for k, v in sorted(parameters.items()) if v is not None)
    digest = hashlib.blake2b(asked.encode(errors="surrogatepass"), digest_size=12).hexdigest()
    return f"mayday:{{{project_id}}}:answer:{name}:{generation}:{digest}"
