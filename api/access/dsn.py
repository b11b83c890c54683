"""Who sends by Sentry's protocol: the key of a DSN, wherever the SDKs put it, or an ordinary ingest key.

What a DSN opens is its project's two routes for events and nothing else, since it may stand in a web page.
"""

import re
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security.utils import get_authorization_scheme_param
from pydantic_core import from_json

from api.access.keys import Authorize, Caller, DsnRing, KeyRing
from api.access.quotas import Allowance
from api.http.problems import Forbidden, QuotaExceeded, Unauthorized
from common.keys import Scope, find_dsn_key

# Of `Sentry sentry_version=7, sentry_key=...`, in any order and case.
SENTRY_KEY = re.compile(r"(?:^|[\s,])sentry_key\s*=\s*\"?([^\s,\"]+)", re.IGNORECASE)
REQUEST_POLICIES = ("key", "project")
REPORT_BYTES = 16 * 2**10  # of a body as it is sent
HOW = "send the key of a DSN as sentry_key in X-Sentry-Auth, in the query, or with the DSN in the envelope's header"


@dataclass(frozen=True, slots=True)
class DsnAuthorize(Authorize):
    """Lets the key of a DSN pass to its own project, as `Authorize` does; so does an ordinary key of the scope.

    Where no credential is in the head and the body is an envelope, its first line may name the DSN: so much is read.
    """

    has_envelope: bool = False

    async def admit(self, request: Request) -> None:
        """As `Authorize.admit`. Raises Forbidden too, where the path names another project than the key's. A small envelope is
        let in where the project has sent too much, since it may be a report of what the SDK dropped because of that: whoever
        reads it refuses it by `over_quota` in its scope if there is more in it."""
        try:
            await Authorize.admit(self, request)
        except QuotaExceeded as problem:
            if not (self.has_envelope and may_be_report(request.headers.get("content-length", ""), problem)):
                raise
            count_report(request.scope["allowance"])
            request.scope.update(caller=request.scope["sender"], over_quota=problem)
        caller = cast("Caller", request.scope["caller"])
        if request.path_params["number"] != str(caller.project_number):
            raise Forbidden(f"this key is of project {caller.project_number}: its DSN ends so")

    async def identify(self, request: Request) -> Caller:
        dsn_keys, keys = read_dsn_keys(request), read_ordinary_keys(request)
        if not dsn_keys and not keys and self.has_envelope:
            dsn_keys = read_line_key(await request.scope["peek_line"]())
        sent = dsn_keys | keys
        if not sent:
            raise Unauthorized(f"no key was sent: {HOW}")
        if len(sent) > 1:
            raise Unauthorized("two keys were sent that differ: send one")
        request.scope["dsn_key"] = next(iter(dsn_keys), None)
        ring = "dsn_ring" if dsn_keys else "key_ring"
        caller = await cast("KeyRing | DsnRing", getattr(request.state, ring)).identify(sent.pop())
        request.scope["sender"] = caller  # whose losses are counted, also where it is not admitted
        return caller


def may_be_report(declared: str, problem: QuotaExceeded) -> bool:
    """Whether only what may be sent is used up, and not the requests, and the body of this declared length is as small as that
    of a report."""
    is_small = declared.isdecimal() and len(declared) < 9 and int(declared) <= REPORT_BYTES
    return is_small and not any(place.pointer in REQUEST_POLICIES for place in problem.errors or ())


def count_report(allowance: Allowance) -> None:
    """Count the request of what may be a report, whatever else is used up."""
    for policy in REQUEST_POLICIES:
        allowance.count(policy, 1)


def read_dsn_keys(request: Request) -> set[str]:
    """The keys of DSNs in the head."""
    credentials = map(get_authorization_scheme_param, request.headers.getlist("authorization"))
    fields = request.headers.getlist("x-sentry-auth")
    fields += [rest for scheme, rest in credentials if scheme.lower() == "sentry"]
    found = [key for field in fields for key in SENTRY_KEY.findall(field)]
    return {key.lower() for key in (*found, *request.query_params.getlist("sentry_key")) if key}


def read_ordinary_keys(request: Request) -> set[str]:
    """The keys in the head that other routes take too."""
    credentials = map(get_authorization_scheme_param, request.headers.getlist("authorization"))
    bearers = [key for scheme, key in credentials if scheme.lower() == "bearer"]
    return set(filter(None, (*bearers, *request.headers.getlist("x-api-key"))))


def read_line_key(line: bytes) -> set[str]:
    """The key of the DSN that an envelope's header names; none where it names none, or is no such header."""
    try:
        header = from_json(line)
    except ValueError:
        return set()
    key = find_dsn_key(header.get("dsn")) if isinstance(header, dict) else None
    return {key} if key else set()


DsnCaller = Annotated[Caller, Depends(DsnAuthorize(Scope.ingest))]
EnvelopeCaller = Annotated[Caller, Depends(DsnAuthorize(Scope.ingest, has_envelope=True))]
