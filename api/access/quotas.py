"""How much a key and its project may use in a minute, and what every answer says of it.

A request is judged by what this process knows, at the price of a few additions: it never waits for Redis. Twice a
second one pipeline tells Redis what was used here and brings back what all processes used. So with several processes
a limit may be passed by what the others let in within half a second; with Redis away each process counts alone.
"""

import asyncio
import math
import zlib
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self
from uuid import UUID

from starlette.types import Scope as RequestScope

from api.http.problems import ProblemPlace, QuotaExceeded
from common.cache import Cache, CacheUnavailable
from common.database.clock import CLOCK
from common.settings import Settings
from common.telemetry import metrics

WINDOW_SECONDS = 60
SHARE_SECONDS = 0.5
# Processes whose machines have different times add up the same windows.
clock = CLOCK.seconds


@dataclass(frozen=True, slots=True)
class Policy:
    """A quota per window, for each key or for each project. `unit` is a parameter of RateLimit-Policy."""

    name: str
    quota: int
    unit: str = ""
    counts_requests: bool = False

    @property
    def field(self) -> str:
        """This policy as an item of RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11, section 3.1)."""
        return f'"{self.name}";q={self.quota};w={WINDOW_SECONDS}{self.unit}'


@dataclass(slots=True)
class Meter:
    """What one key or project used of one policy in the window that ends at `ends_at`, as far as this process knows."""

    policy: Policy
    place: str
    offset: int
    ends_at: float = 0.0
    used: int = 0
    unshared: int = 0

    def is_running(self, now: float) -> bool:
        """Whether its window is the one of now: after the clock was set back, it is not that of later any more."""
        return now < self.ends_at <= now + WINDOW_SECONDS

    def roll(self, now: float) -> None:
        """Begin a new window when the old one is over."""
        if not now < self.ends_at <= now + WINDOW_SECONDS:  # `is_running`, without the price of a call
            self.ends_at = (now - self.offset) // WINDOW_SECONDS * WINDOW_SECONDS + self.offset + WINDOW_SECONDS
            self.used = self.unshared = 0

    def add(self, amount: int) -> None:
        self.used += amount
        self.unshared += amount

    @property
    def is_spent(self) -> bool:
        return self.used >= self.policy.quota

    @property
    def key(self) -> str:
        """Where the processes add up this window."""
        return f"{self.place}:{int(self.ends_at)}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """The meters that a request runs on, and the RateLimit-Policy field that names them.

    They are of one project, so that their windows end together.
    """

    meters: tuple[Meter, ...]
    policy_field: bytes
    left_field: bytes  # RateLimit, with places for what is left of each and for the seconds
    both_lines: bytes  # both fields as HTTP/1.1 writes them, with the same places

    @classmethod
    def of(cls, meters: tuple[Meter, ...]) -> Self:
        policies = [meter.policy for meter in meters]
        left = ", ".join(f'"{policy.name}";r=%d;t=%d' for policy in policies)
        named = ", ".join(policy.field for policy in policies)
        lines = f"ratelimit-policy: {named}\r\nratelimit: {left}\r\n" if meters else ""
        return cls(meters, named.encode(), left.encode(), lines.encode())

    def admit(self) -> bool:
        """Count one request; False, and nothing counted, where a quota is used up."""
        now = clock()
        for meter in self.meters:
            meter.roll(now)
            if meter.is_spent:
                return False
        for meter in self.meters:
            if meter.policy.counts_requests:
                meter.add(1)
        return True

    def spent(self, now: float) -> list[Meter]:
        """The meters that are used up."""
        for meter in self.meters:
            meter.roll(now)
        return [meter for meter in self.meters if meter.is_spent]

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit-Policy, and RateLimit: what is left, and for how many seconds; nothing where nothing is limited."""
        if not self.meters:
            return []
        return [(b"ratelimit-policy", self.policy_field), (b"ratelimit", self.left_field % self.left)]

    def lines(self) -> bytes:
        """The headers as HTTP/1.1 writes them."""
        return self.both_lines % self.left

    @property
    def left(self) -> tuple[int, ...]:
        """What is left of each quota, and for how many seconds, one after the other."""
        if not self.meters:
            return ()
        seconds = seconds_left(self.meters[0], clock())
        said: list[int] = []
        for meter in self.meters:
            said += (max(meter.policy.quota - meter.used, 0), seconds)
        return tuple(said)

    def is_used(self, share: float) -> bool:
        """Whether so much of a quota on what is sent is used up."""
        return any(not m.policy.counts_requests and m.used >= share * m.policy.quota for m in self.meters)

    def count(self, policy_name: str, amount: int) -> None:
        """Add what an ingest request brought. The last one within a quota may pass it: then the next are refused."""
        for meter in self.meters:
            if meter.policy.name == policy_name:
                meter.add(amount)


class Quotas:
    """The meters of this process, and the task that shares them."""

    def __init__(self, cache: Cache, settings: Settings) -> None:
        self.cache = cache
        self.by_key = Policy("key", settings.limit_key_requests, counts_requests=True)
        self.by_project = Policy("project", settings.limit_project_requests, counts_requests=True)
        # no unit of the draft's registry means errors; a client that takes them for requests slows down too late only
        self.by_errors = Policy("errors", settings.limit_project_errors, ';mayday-unit="errors"')
        self.by_bytes = Policy("bytes", settings.limit_project_bytes, ';qu="content-bytes"')
        self.meters: dict[tuple[str, str], Meter] = {}
        self.allowances: dict[tuple[str, bool], Allowance] = {}
        self.closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.run(), name="quotas")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        await self.task

    def admit(self, project_id: UUID, key_id: str, scope: RequestScope, *, ingest: bool) -> None:
        """Count this request, and leave its Allowance in the scope for the answer. Raises QuotaExceeded."""
        allowance = scope["allowance"] = self.allowance(project_id, key_id, ingest=ingest)
        charge(allowance)

    def allowance(self, project_id: UUID, key_id: str, *, ingest: bool) -> Allowance:
        """What this key runs on."""
        return self.allowances.get((key_id, ingest)) or self.allow(project_id, key_id, ingest=ingest)

    def allow(self, project_id: UUID, key_id: str, *, ingest: bool) -> Allowance:
        """The allowance of a key; a policy with the quota 0 limits nothing."""
        policies = (self.by_key, self.by_project) + ((self.by_errors, self.by_bytes) if ingest else ())
        meters = tuple(self.meter(project_id, key_id, policy) for policy in policies if policy.quota)
        allowance = self.allowances[key_id, ingest] = Allowance.of(meters)
        return allowance

    def meter(self, project_id: UUID, key_id: str, policy: Policy) -> Meter:
        whose = key_id if policy is self.by_key else str(project_id)
        place = f"mayday:{{{project_id}}}:used:{policy.name}:{whose}"
        # windows of different projects end at different seconds: not all clients come back at the same moment
        offset = zlib.crc32(project_id.bytes) % WINDOW_SECONDS
        return self.meters.setdefault((policy.name, whose), Meter(policy, place, offset))

    async def run(self) -> None:
        """Share until closed, and once more then; each window forget who was not seen in it."""
        forget_at = monotonic() + WINDOW_SECONDS
        while not self.closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), SHARE_SECONDS)
            await self.share()
            if monotonic() >= forget_at:
                self.forget(clock())
                forget_at += WINDOW_SECONDS

    async def share(self) -> None:
        """Tell Redis what was used here since the last time, and learn what all used. Without Redis, later."""
        sent = [(meter, meter.key, meter.unshared) for meter in self.meters.values() if meter.unshared]
        if not sent:
            return
        try:
            totals = await self.cache.add([(key, amount) for _, key, amount in sent], 2 * WINDOW_SECONDS)
        except CacheUnavailable:
            return
        for (meter, key, amount), total in zip(sent, totals, strict=True):
            if meter.key == key and total is not None:
                meter.unshared -= amount
                meter.used = total + meter.unshared

    def forget(self, now: float) -> None:
        """Drop what ended. The meters of one allowance end together, so that none is dropped from under another."""
        self.meters = {name: meter for name, meter in self.meters.items() if meter.is_running(now)}
        self.allowances = {
            name: allowance
            for name, allowance in self.allowances.items()
            if all(meter.is_running(now) for meter in allowance.meters)
        }


def charge(allowance: Allowance) -> None:
    """Count one request. Raises QuotaExceeded."""
    if allowance.admit():
        return
    now = clock()
    spent = allowance.spent(now)
    for meter in spent:
        metrics.LIMITED.of(meter.policy.name).inc()
    raise refuse(spent, now)


def refuse(spent: list[Meter], now: float) -> QuotaExceeded:
    """The problem that names the policies which were used up, and when to come again."""
    places = [
        ProblemPlace(
            pointer=meter.policy.name,
            reason="quota_exceeded",
            detail=f"{meter.policy.quota:,} in {WINDOW_SECONDS} s are used up",
        )
        for meter in spent
    ]
    names = " and ".join(meter.policy.name for meter in spent)
    seconds = seconds_left(spent[0], now)
    return QuotaExceeded(
        f"the quota {names} is used up: send the same again in {seconds} s", places, retry_after_seconds=seconds
    )


def seconds_left(meter: Meter, now: float) -> int:
    """Whole seconds until the meter's window ends, at least one."""
    return max(1, math.ceil(meter.ends_at - now))
