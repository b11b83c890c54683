"""Who is asking: a key makes a caller, and the caller's project is the only one that a request can touch."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Annotated, cast
from uuid import UUID

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.limits import Limits
from api.problems import Forbidden, Unauthorized
from common.keys import Scope, parse_key

MAX_REMEMBERED = 10_000

# The key's project, scope and hash, unless it was revoked.
FIND_KEY = text("SELECT project_id, scope, secret_sha256 FROM api_keys WHERE key_id = :key_id AND revoked_at IS NULL")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from."""

    project_id: UUID
    key_id: str
    scope: Scope


@dataclass(slots=True)
class KeyRing:
    """Checks keys against Postgres and trusts what it found for `trust_seconds`, failures included."""

    engine: AsyncEngine
    trust_seconds: float
    known: OrderedDict[str, tuple[float, Caller | None]] = field(default_factory=OrderedDict)

    async def identify(self, sent: str) -> Caller:
        """The caller of this key. Raises Unauthorized."""
        trusted_until, caller = self.known.get(sent, (0.0, None))
        if trusted_until < time.monotonic():
            caller = await self.look_up(sent)
            self.remember(sent, caller)
        if caller is None:
            raise Unauthorized("this key is unknown, revoked or mistyped: make one with `./mayday key create`")
        return caller

    async def look_up(self, sent: str) -> Caller | None:
        key = parse_key(sent)
        if key is None:
            return None
        async with self.engine.connect() as connection:
            row = (await connection.execute(FIND_KEY, {"key_id": key.key_id})).one_or_none()
        if row is None or row.scope != key.scope or not key.is_stored_as(row.secret_sha256):
            return None
        return Caller(row.project_id, key.key_id, key.scope)

    def remember(self, sent: str, caller: Caller | None) -> None:
        self.known[sent] = (time.monotonic() + self.trust_seconds, caller)
        self.known.move_to_end(sent)
        if len(self.known) > MAX_REMEMBERED:
            self.known.popitem(last=False)


bearer = HTTPBearer(auto_error=False, description="A key as `Authorization: Bearer mayday_...`.", scheme_name="bearer")
header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key as a header.", scheme_name="apiKey")


def requires(scope: Scope) -> object:
    """A dependency that lets keys of this scope (and admin keys) pass, and gives their Caller."""

    async def authorize(
        request: Request,
        token: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
        api_key: Annotated[str | None, Security(header)],
    ) -> Caller:
        sent = token.credentials if token else api_key
        if not sent:
            raise Unauthorized("send a key as `Authorization: Bearer ...` or as `X-API-Key: ...`")
        caller = await cast("KeyRing", request.state.key_ring).identify(sent)
        structlog.contextvars.bind_contextvars(project_id=str(caller.project_id), key_id=caller.key_id)
        if not caller.scope.allows(scope):
            raise Forbidden(f"this key has the scope {caller.scope.value}; a key with the scope {scope.value} may")
        limits = cast("Limits", request.state.limits)
        limits.admit(caller.project_id, caller.key_id, request.scope, ingest=scope is Scope.ingest)
        return caller

    return Depends(authorize)


IngestCaller = Annotated[Caller, requires(Scope.ingest)]
ReadCaller = Annotated[Caller, requires(Scope.read)]
AdminCaller = Annotated[Caller, requires(Scope.admin)]
