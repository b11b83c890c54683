"""One call of a tool: who makes it, and how it asks the catalogue, as every route and page does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from mcp.server.session import ServerSession
from starlette.requests import Request

from api.access.keys import Caller
from api.http.problems import Invalid, NotFound
from api.pages.documents import Document, ask
from api.pages.shown import Source
from api.reads.catalogue import NO_ID, Read
from api.reads.entries import PATTERN_LIST

TAIL = re.compile(r"[0-9a-f]{8,12}")
SHORT_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool is given beside its arguments. `session` is that of the protocol, for progress; `sources` are the answers that
    were asked for so far, None for what no cache has."""

    request: Request
    caller: Caller
    session: ServerSession | None = None
    sources: list[Source | None] = field(default_factory=list)

    async def ask(self, read: Read[Any], params: Mapping[str, Any], subject: UUID = NO_ID) -> Document:
        """The answer of this read, as the API gives it to this key. Raises Problem, ValidationError."""
        sent = {name: value for name, value in params.items() if value is not None}
        document = await ask(self.request, self.caller, read, sent, subject)
        self.sources.append(document.source)
        return document

    async def progress(self, done: int, of: int, message: str) -> None:
        """Tell a client that asked for it how far this is."""
        if self.session is not None:
            await self.session.report_progress(done, of, message)

    async def find_pattern(self, said: str) -> UUID:
        """The id of a pattern that was said whole, or by its last eight digits as lists show it. Raises Invalid, NotFound."""
        said = said.strip().lower()
        if not TAIL.fullmatch(said):
            try:
                return UUID(said)
            except ValueError as error:
                raise Invalid("pattern: give its id, or the 8 digits that what_is_failing shows") from error
        for window in ("24h", "7d"):
            listed = (await self.ask(PATTERN_LIST, {"window": window})).value.patterns
            found = [UUID(str(one.id)) for one in listed if str(one.id).endswith(said)]
            if len(found) > 1:
                raise Invalid("pattern: several end so: give the whole id, from explain_pattern's resource or the API")
            if found:
                return found[0]
        raise NotFound("no pattern of the last 7 days ends so: see what_is_failing, or give the whole id")


def short(pattern_id: Any) -> str:
    """How lists name a pattern."""
    return str(pattern_id)[-SHORT_CHARACTERS:]


def minute(moment: Any) -> str:
    """To the minute, UTC."""
    return as_time(moment).strftime("%Y-%m-%d %H:%MZ") if moment is not None else ""


def as_time(moment: Any) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))


def age(moment: Any, now: Any) -> str:
    """How long before `now`, in its largest unit."""
    seconds = max(0, int((as_time(now) - as_time(moment)).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def most_of(counts: Any, most: int = 3) -> list[str]:
    """The values with most errors, each with its number."""
    return [f"{one.key or '(none)'} {one.count}" for one in counts[:most]]
