"""Sessions of people who look at pages: made of a key, held in a cookie that no script reads, ended with the key.

The only writer of `sessions`. A session's token is 256 random bits, of which the hash alone is stored; it is good for the
pages of one project and for no route of the API, so that no other site can have a browser decide anything there.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from fastapi import Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.datastructures import MutableHeaders

from api.access.keys import Authorize, Caller, LookUps, forget, is_of, keep
from api.http.problems import Forbidden, Unauthorized
from api.http.single_flight import SingleFlight
from common.keys import Scope

SESSION_SPAN, LINK_SPAN = timedelta(days=14), timedelta(hours=1)
TOKEN_CHARS, CSRF_BYTES = 43, 16
COOKIE = "mayday_session_"
SIGN_IN_FIRST = "sign in first: your session has ended, or its key was revoked"

# Keeps a session, or a link to one.
MAKE_SESSION = text(
    """
    INSERT INTO sessions (project_id, token_sha256, key_id, is_link, created_at, expires_at)
    VALUES (:project_id, :token_sha256, :key_id, :is_link, now(), now() + :span)
    """
)
# Forgets those that are over.
FORGET_SESSIONS = text("DELETE FROM sessions WHERE project_id = :project_id AND expires_at < now()")
# Takes a link, which nobody else can after that.
TAKE_LINK = text(
    """
    DELETE FROM sessions WHERE project_id = :project_id AND token_sha256 = :token_sha256 AND is_link
    RETURNING key_id, expires_at > now() AS is_good
    """
)
END_SESSION = text("DELETE FROM sessions WHERE project_id = :project_id AND token_sha256 = :token_sha256")
# Whose session it is, unless it is over or its key was revoked, and how long it or its key has left.
FIND_SESSION = text(
    """
    SELECT k.key_id, k.scope, p.name,
           CAST(extract(epoch FROM least(s.expires_at, k.expires_at) - clock_timestamp()) AS double precision) AS seconds_left
    FROM sessions s
    JOIN api_keys k ON k.project_id = s.project_id AND k.key_id = s.key_id
    JOIN projects p ON p.project_id = s.project_id
    WHERE s.project_id = :project_id AND s.token_sha256 = :token_sha256 AND NOT s.is_link
      AND s.expires_at > now() AND k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)
    """
)


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser sent: the project whose page it wants, and the token that it has for it."""

    project_id: UUID
    token: str

    @property
    def secret(self) -> bytes:
        """What forms of this session's pages prove that they know, and no other site can."""
        return hashlib.blake2b(self.token.encode(), person=b"mayday csrf", digest_size=CSRF_BYTES).digest()

    def make_csrf(self) -> str:
        """The secret as one form carries it, masked anew each time: pages are compressed beside text from outside, and how
        well that goes would tell a secret that is always the same."""
        mask = secrets.token_bytes(CSRF_BYTES)
        return (mask + mix(mask, self.secret)).hex()

    def values(self) -> dict[str, object]:
        return {"project_id": self.project_id, "token_sha256": hashlib.sha256(self.token.encode()).digest()}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session is, and what its project is called."""

    caller: Caller
    project: str


def mix(mask: bytes, secret: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, secret, strict=True))


async def make_session(connection: AsyncConnection, caller: Caller, *, is_link: bool = False) -> Session:
    """A new session of the caller's key, or a link that signs in once."""
    session = Session(caller.project_id, secrets.token_urlsafe(32))
    span = LINK_SPAN if is_link else SESSION_SPAN
    asked = {**session.values(), "key_id": caller.key_id, "is_link": is_link, "span": span}
    await connection.execute(FORGET_SESSIONS, {"project_id": caller.project_id})
    await connection.execute(MAKE_SESSION, asked)
    return session


async def take_link(connection: AsyncConnection, link: Session) -> Session:
    """The session that a link gives, once. Raises Unauthorized."""
    row = (await connection.execute(TAKE_LINK, link.values())).one_or_none()
    if row is None or not row.is_good:
        raise Unauthorized("this link has signed someone in, or is older than an hour: make one with `./mayday signin`")
    # whether its key is good is asked with the session
    return await make_session(connection, Caller(link.project_id, row.key_id, Scope.read))


async def end_session(connection: AsyncConnection, session: Session) -> None:
    await connection.execute(END_SESSION, session.values())


class SessionRing:
    """Checks sessions against Postgres and trusts what it found for `trust_seconds`, failures included, as keys are trusted, and
    none for longer than it or its key is good.
    Anyone can make up tokens: look-ups of those that were never good here are bounded, and browsers that still hold sessions
    which are over, and send them with every page, take none of that from others."""

    def __init__(self, engine: AsyncEngine, trust_seconds: float, of_strangers: LookUps) -> None:
        self.engine = engine
        self.trust_seconds = trust_seconds
        self.of_strangers = of_strangers
        self.known: OrderedDict[Session, tuple[float, SignedIn]] = OrderedDict()
        self.refused: OrderedDict[Session, float] = OrderedDict()
        self.look_ups = SingleFlight[SignedIn | None](note_failure=lambda _: None)

    def recall(self, session: Session) -> SignedIn | None:
        """Whose session this is where it is trusted now, without a look-up; None where it is not."""
        trusted = self.known.get(session)
        return trusted[1] if trusted and time.monotonic() <= trusted[0] else None

    async def identify(self, session: Session) -> SignedIn:
        """Whose session this is. Raises Unauthorized, QuotaExceeded."""
        if (trusted := self.recall(session)) is not None:
            return trusted
        if len(session.token) != TOKEN_CHARS or time.monotonic() <= self.refused.get(session, 0.0):
            raise Unauthorized(SIGN_IN_FIRST)
        if session not in self.known:
            self.of_strangers.take()
        found = await asyncio.shield(self.look_ups.join(session, lambda: self.look_up(session)))
        if found is None:
            raise Unauthorized(SIGN_IN_FIRST)
        return found

    async def look_up(self, session: Session) -> SignedIn | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(FIND_SESSION, session.values())).one_or_none()
        self.known.pop(session, None)
        if row is None:
            keep(self.refused, session, time.monotonic() + self.trust_seconds)
            return None
        found = SignedIn(Caller(session.project_id, row.key_id, Scope(row.scope)), row.name)
        keep(self.known, session, (time.monotonic() + min(self.trust_seconds, row.seconds_left), found))
        return found

    def forget(self, session: Session) -> None:
        """Ask again at the next request."""
        self.known.pop(session, None)

    def forget_key(self, project_id: UUID, key_id: str | None = None) -> None:
        """The same for all sessions of a key, or of the project."""
        forget(self.known, lambda trusted: is_of(trusted[1].caller, project_id, key_id))


class AuthorizeSession(Authorize):
    """Lets sessions of keys of this scope (and admin keys) pass, on pages whose path names the project."""

    async def identify(self, request: Request) -> Caller:
        """Whose session the cookie names, which is left in the scope with the name of its project. Raises Unauthorized,
        QuotaExceeded, Forbidden for what another site has a browser send."""
        session = session_of(request)
        signed_in = await cast("SessionRing", request.state.session_ring).identify(session)
        if request.method == "POST":
            refuse_other_sites(request)
        request.scope.update(session=session, signed_in=signed_in)
        return signed_in.caller


def session_of(request: Request) -> Session:
    """The session that the browser holds for the project in the path. Raises Unauthorized."""
    try:
        project_id = UUID(str(request.path_params["project_id"]))
    except ValueError as error:
        raise Unauthorized("there is no such project: see the address") from error
    return Session(project_id, request.cookies.get(cookie_name(project_id), ""))


def refuse_other_sites(request: Request) -> None:
    """Raise Forbidden for what another site has a browser send; its forms carry no token either. Browsers say so, in one field
    behind TLS and to this machine itself, in another else."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    host = request.headers.get("host", "")
    is_ours = site in ("same-origin", "none") if site else origin in (None, f"http://{host}", f"https://{host}")
    if not is_ours:
        raise Forbidden("this came from another site: open the page itself, and try again there")


def check_csrf(session: Session, sent: str) -> None:
    """Raises Forbidden where a form does not carry its session's token."""
    try:
        raw = bytes.fromhex(sent)
        shown = mix(raw[:CSRF_BYTES], raw[CSRF_BYTES:])
    except ValueError:
        shown = b""
    if not hmac.compare_digest(session.secret, shown):
        raise Forbidden("this form is of an older session: open the page anew, and try again there")


def sessions_held(request: Request) -> list[Session]:
    """Those that the browser says it holds, in the order of their names; whether they are good is not known."""
    names = sorted(name for name in request.cookies if name.startswith(COOKIE))
    return [
        Session(project_id, request.cookies[name]) for name in names if (project_id := project_of(name)) is not None
    ]


def project_of(cookie: str) -> UUID | None:
    try:
        return UUID(hex=cookie.removeprefix(COOKIE))
    except ValueError:
        return None


def cookie_name(project_id: UUID) -> str:
    return COOKIE + project_id.hex


def set_cookie(request: Request, headers: MutableHeaders, session: Session, *, is_over: bool = False) -> None:
    """Have the browser hold the session, or forget it. Only the pages' own requests send it, and no script reads it."""
    is_secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
    age = 0 if is_over else int(SESSION_SPAN.total_seconds())
    value = "" if is_over else session.token
    secure = "; Secure" if is_secure else ""
    cookie = f"{cookie_name(session.project_id)}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
    headers.append("Set-Cookie", cookie)
