"""The cache that API and worker share: answers ready to send, kept under the generation of what they were made from.

Redis is never in the way: a call answers within `cache_timeout_seconds`, and after a failure the cache is left alone
for `cache_retry_seconds`. Callers see `CacheUnavailable` and go to Postgres.
"""

import hashlib
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self
from uuid import UUID, uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from common.cache.connecting import make_redis
from common.compression import Encoding, compress
from common.settings import Settings
from common.telemetry import metrics

Topic = Literal["errors", "patterns"]


class CacheUnavailable(Exception):
    """Redis did not answer in time, or is being left alone after it failed."""


@dataclass(frozen=True, slots=True)
class Answer:
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
    ttl_seconds: int
    retry_seconds: float
    left_alone_until: float = 0.0

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """A cache on `MAYDAY_CACHE_URL`, or `MAYDAY_REDIS_URL` where that is empty."""
        redis = make_redis(
            settings.effective_cache_url,
            socket_timeout=settings.cache_timeout_seconds,
            socket_connect_timeout=settings.cache_timeout_seconds,
            # a pooled connection that a restarted server has forgotten is worth one more try, a slow one is not
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
        return cls(redis, settings.cache_ttl_seconds, settings.cache_retry_seconds)

    async def close(self) -> None:
        await self.redis.aclose()

    async def generation(self, project_id: UUID, topic: Topic) -> str:
        """The token under which answers about `topic` are valid now. Raises CacheUnavailable."""
        key = generation_key(project_id, topic)
        current = await self.ask(self.redis.get(key))
        if current is None:
            await self.ask(self.redis.set(key, uuid4().hex, nx=True))
            current = await self.ask(self.redis.get(key))
        return bytes(current or b"").decode()

    async def raise_generation(self, project_id: UUID, topic: Topic) -> None:
        """Make every answer about `topic` outdated. A fresh random token, so that a lost one never comes back.

        Raises CacheUnavailable.
        """
        await self.ask(self.redis.set(generation_key(project_id, topic), uuid4().hex))

    async def publish(
        self, project_id: UUID, topic: Topic, answers: Iterable[tuple[str, dict[str, Any], Answer]]
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

        Raises CacheUnavailable.
        """
        codings: tuple[Encoding, ...] = (encoding, "identity")
        for coding in codings:
            etag, body = await self.ask(self.redis.hmget(key, ["etag", coding]))
            if etag is None:
                return None
            if body is not None:
                return etag.decode(), coding, body
        return None

    async def put(self, key: str, answer: Answer) -> None:
        """Keep the answer for the TTL, spread by a tenth so that not all end at once. Raises CacheUnavailable."""
        fields: dict[Any, Any] = {"etag": answer.etag, **answer.bodies}
        async with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping=fields)
            pipeline.pexpire(key, int(self.ttl_seconds * random.uniform(900, 1000)))  # noqa: S311
            await self.ask(pipeline.execute())

    async def add(self, amounts: Sequence[tuple[str, int]], ttl_seconds: int) -> list[int]:
        """Add to the counter at each key, in one round trip; gives the new totals. Raises CacheUnavailable."""
        async with self.redis.pipeline(transaction=False) as pipeline:
            for key, amount in amounts:
                pipeline.incrby(key, amount)
                pipeline.expire(key, ttl_seconds)
            answers = await self.ask(pipeline.execute())
        return [int(total) for total in answers[::2]]

    async def ask(self, call: Any) -> Any:
        """Await one call, or raise CacheUnavailable at once while Redis is left alone."""
        if time.monotonic() < self.left_alone_until:
            if hasattr(call, "close"):
                call.close()
            metrics.CACHE_CALLS.of("left_alone").inc()
            raise CacheUnavailable("the cache is left alone for a moment after it failed")
        try:
            return await call
        except (RedisError, OSError, TimeoutError) as error:
            self.left_alone_until = time.monotonic() + self.retry_seconds
            metrics.CACHE_CALLS.of("failed").inc()
            raise CacheUnavailable(f"the cache did not answer: {error!r}") from error


def make_etag(body: bytes) -> str:
    """A weak ETag: codings of one body share it."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def generation_key(project_id: UUID, topic: Topic) -> str:
    return f"mayday:{{{project_id}}}:generation:{topic}"


def answer_key(project_id: UUID, generation: str, name: str, **parameters: Any) -> str:
    """Where the answer of one route, for one project, generation and set of parameters is kept."""
    asked = "&".join(f"{k}={v!r}" for k, v in sorted(parameters.items()) if v is not None)
    digest = hashlib.blake2b(asked.encode(errors="surrogatepass"), digest_size=12).hexdigest()
    return f"mayday:{{{project_id}}}:answer:{name}:{generation}:{digest}"
