"""Who is asking: a key makes a caller, and the caller's project is the only one that a request can touch.

A route takes one of the callers below, which says the scope that it needs; `api/access/routers.py` has its key checked before
anything of the request is read.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import Headers

from api.access.quotas import Quotas
from api.http.problems import Forbidden, QuotaExceeded, Unauthorized
from api.http.single_flight import SingleFlight
from common.keys import DsnKey, Key, Scope, parse_dsn_key, parse_key

T = TypeVar("T")
SentT = TypeVar("SentT", bound=Hashable)

MAX_REMEMBERED = 10_000
BEARER = b"Bearer "

UNKNOWN = "this key is unknown, revoked or mistyped: make one with `./mayday key create`"

# The key with its project and its end, with how long that is away, by Postgres' clock; nothing where it was revoked.
FIND_KEY = text("""
    SELECT k.project_id, k.key_id, k.scope, k.secret_sha256, k.expires_at, p.number, p.name,
           CAST(extract(epoch FROM k.expires_at - clock_timestamp()) AS double precision) AS seconds_left
    FROM api_keys k JOIN projects p ON p.project_id = k.project_id
    WHERE k.key_id = :key_id AND k.revoked_at IS NULL
""")
# The same of a key that came in the form that it has in a DSN.
FIND_DSN_KEY = text("""
    SELECT k.project_id, k.key_id, k.scope, k.secret_sha256, k.expires_at, p.number, p.name,
           CAST(extract(epoch FROM k.expires_at - clock_timestamp()) AS double precision) AS seconds_left
    FROM api_keys k JOIN projects p ON p.project_id = k.project_id
    WHERE k.dsn_key_sha256 = :sha256 AND k.revoked_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from."""

    project_id: UUID
    key_id: str
    scope: Scope
    project_number: int = 0  # which a DSN names it by
    project_name: str = ""

    def log_fields(self) -> dict[str, str]:
        """What log lines say of it."""
        return {"project_id": str(self.project_id), "key_id": self.key_id}


@dataclass(frozen=True, slots=True)
class Found:
    """A key that was looked up, its secret the right one: whose it is, and when it ends, if ever."""

    caller: Caller
    expires_at: datetime | None = None
    seconds_left: float = math.inf

    @property
    def refusal(self) -> str:
        """Why it does not let pass; empty where it does."""
        if self.expires_at is None or self.seconds_left > 0:
            return ""
        return f"this key expired at {self.expires_at:%Y-%m-%d %H:%M} UTC: make one with `./mayday key create`"


@dataclass(slots=True)
class LookUps:
    """How many more keys of strangers may be looked up: so many a second, and as many at once after a rest."""

    per_second: int
    left: float = 0.0
    counted_at: float = -math.inf

    def take(self) -> None:
        """Count one. Raises QuotaExceeded when too many were tried."""
        now = time.monotonic()
        self.left = min(self.per_second, self.left + (now - self.counted_at) * self.per_second)
        self.counted_at = now
        if self.left < 1:
            raise QuotaExceeded("too many unknown keys are tried: send this again in 1 s", [], retry_after_seconds=1)
        self.left -= 1


class KeyRing:
    """Checks keys against Postgres and trusts what it found for `trust_seconds`, failures included, and no key for longer
    than it is valid.

    Anyone can make up keys with a right checksum. So look-ups of keys that were never good here are bounded, and such
    keys are remembered apart: they push no good one out, which is looked up whatever strangers do. `note_use` hears of
    each look-up of a good key, and so of its use, a few times a minute at most.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        trust_seconds: float,
        of_strangers: LookUps,
        note_use: Callable[[Caller], None] = lambda _: None,
    ) -> None:
        self.engine = engine
        self.trust_seconds = trust_seconds
        self.of_strangers = of_strangers
        self.note_use = note_use
        self.known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self.refused: OrderedDict[str, tuple[float, str]] = OrderedDict()
        # who waits is told of a failure, and nobody else need be
        self.look_ups = SingleFlight[Caller | str](note_failure=lambda _: None)

    def recall(self, sent: str) -> Caller | None:
        """The caller of a key that is trusted now, without a look-up; None where there is none."""
        trusted = self.known.get(sent)
        return trusted[1] if trusted and time.monotonic() <= trusted[0] else None

    def recall_refusal(self, sent: str) -> str:
        """Why this key does not let pass, as far as that is known without a look-up; empty where it is not."""
        until, why = self.refused.get(sent, (0.0, ""))
        return why if time.monotonic() <= until else ""

    async def identify(self, sent: str) -> Caller:
        """The caller of this key. Raises Unauthorized, QuotaExceeded."""
        answer = self.recall(sent) or self.recall_refusal(sent)
        # what is no key is not remembered: a stranger chooses how long it is
        if not answer and (key := self.parse(sent)) is not None:
            # a new process is asked by all clients of a key at once
            answer = await asyncio.shield(self.look_ups.join(sent, lambda: self.begin_look_up(sent, key)))
        if isinstance(answer, Caller):
            return answer
        raise Unauthorized(answer or UNKNOWN)

    def forget(self, project_id: UUID, key_id: str | None = None) -> None:
        """Ask again for this key, or for all of the project."""
        forget(self.known, lambda trusted: is_of(trusted[1], project_id, key_id))

    def parse(self, sent: str) -> Key | DsnKey | None:
        """What was sent, where it has the form of a key."""
        return parse_key(sent)

    def begin_look_up(self, sent: str, key: Key | DsnKey) -> Coroutine[Any, Any, Caller | str]:
        """Raises QuotaExceeded."""
        if sent not in self.known:
            self.of_strangers.take()
        return self.look_up(sent, key)

    async def look_up(self, sent: str, key: Key | DsnKey) -> Caller | str:
        """The caller, or why there is none; remembered either way."""
        found = await self.find(key)
        refusal = UNKNOWN if found is None else found.refusal
        if found is None or refusal:
            self.known.pop(sent, None)
            keep(self.refused, sent, (time.monotonic() + self.trust_seconds, refusal))
            return refusal
        keep(self.known, sent, (time.monotonic() + min(self.trust_seconds, found.seconds_left), found.caller))
        self.note_use(found.caller)
        return found.caller

    async def find(self, key: Key | DsnKey) -> Found | None:
        statement, asked = (
            (FIND_KEY, {"key_id": key.key_id}) if isinstance(key, Key) else (FIND_DSN_KEY, {"sha256": key.sha256})
        )
        async with self.engine.connect() as connection:
            row = (await connection.execute(statement, asked)).first()
        if row is None or (
            isinstance(key, Key) and not (row.scope == key.scope and key.is_stored_as(row.secret_sha256))
        ):
            return None
        caller = Caller(row.project_id, row.key_id, Scope(row.scope), row.number, row.name)
        return Found(caller) if row.expires_at is None else Found(caller, row.expires_at, row.seconds_left)


class DsnRing(KeyRing):
    """The same for keys in the form that they have in a DSN. It is a ring of its own, so that such a key, which may stand in
    a web page, opens nothing but what takes a DSN."""

    def parse(self, sent: str) -> Key | DsnKey | None:
        return parse_dsn_key(sent)


def keep(remembered: "OrderedDict[SentT, T]", sent: SentT, found: T) -> None:
    """Remember it as the newest, and forget the oldest beyond what is kept."""
    remembered[sent] = found
    remembered.move_to_end(sent)
    if len(remembered) > MAX_REMEMBERED:
        remembered.popitem(last=False)


def is_of(caller: Caller, project_id: UUID, key_id: str | None) -> bool:
    """Whether the caller came with this key of the project, or with any where none is named."""
    return caller.project_id == project_id and key_id in (None, caller.key_id)


def forget(remembered: "OrderedDict[SentT, T]", which: Callable[[T], bool]) -> None:
    """Remember no more of what is so."""
    for sent in [sent for sent, found in remembered.items() if which(found)]:
        del remembered[sent]


bearer = HTTPBearer(auto_error=False, description="A key as `Authorization: Bearer mayday_...`.", scheme_name="bearer")
header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key as a header.", scheme_name="apiKey")


@dataclass(frozen=True, slots=True)
class Authorize:
    """Lets keys of this scope (and admin keys) pass; as a dependency, it gives their Caller."""

    scope: Scope

    async def admit(self, request: Request) -> None:
        """Find out who asks, count the request, and leave its Caller in its scope, without which no body is given out.
        Raises Unauthorized, Forbidden, QuotaExceeded."""
        caller = await self.identify(request)
        structlog.contextvars.bind_contextvars(**caller.log_fields())
        self.require(caller)
        quotas = cast("Quotas", request.state.quotas)
        quotas.admit(caller.project_id, caller.key_id, request.scope, ingest=self.scope is Scope.ingest)
        request.scope["caller"] = caller

    async def identify(self, request: Request) -> Caller:
        """Whose key came with the request. Raises Unauthorized, QuotaExceeded."""
        return await cast("KeyRing", request.state.key_ring).identify(read_key(request.headers))

    def require(self, caller: Caller) -> None:
        """Raises Forbidden."""
        if not caller.scope.allows(self.scope):
            raise Forbidden(f"this key has the scope {caller.scope.value}; a key with the scope {self.scope.value} may")

    async def __call__(
        self,
        request: Request,
        _token: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],  # named for OpenAPI alone
        _api_key: Annotated[str | None, Security(header)],
    ) -> Caller:
        """The caller that was admitted. Raises Forbidden where that was for another scope."""
        caller = cast("Caller", request.scope["caller"])
        self.require(caller)
        return caller


class AuthorizeAny(Authorize):
    """Lets keys of every scope pass, to where each thing that is asked for asks for its own."""

    def require(self, caller: Caller) -> None:
        """All may."""


def read_key(headers: Headers) -> str:
    """The key that was sent. Raises Unauthorized, also for two that differ: which one counts, each program between the
    client and here may see in another way, and one of them is of another project."""
    credentials = map(get_authorization_scheme_param, headers.getlist("authorization"))
    sent = [key for scheme, key in credentials if scheme.lower() == "bearer"] + headers.getlist("x-api-key")
    keys = set(filter(None, sent))
    if not keys:
        raise Unauthorized("send a key as `Authorization: Bearer ...` or as `X-API-Key: ...`")
    if len(keys) > 1:
        raise Unauthorized("two keys were sent: send one, as `Authorization: Bearer ...` or as `X-API-Key: ...`")
    return keys.pop()


def read_bearer(authorization: bytes) -> str:
    """The key in this header; empty where there is none."""
    return authorization[len(BEARER) :].decode("latin-1") if authorization.startswith(BEARER) else ""


def recall_caller(key_ring: KeyRing, sent: str, asked: Scope) -> Caller | None:
    """For answers before the routing: whose key this is, where that and its scope need no second look, else None."""
    caller = key_ring.recall(sent)
    return caller if caller is not None and caller.scope.allows(asked) else None


IngestCaller = Annotated[Caller, Depends(Authorize(Scope.ingest))]
ReadCaller = Annotated[Caller, Depends(Authorize(Scope.read))]
TriageCaller = Annotated[Caller, Depends(Authorize(Scope.triage))]
AdminCaller = Annotated[Caller, Depends(Authorize(Scope.admin))]
