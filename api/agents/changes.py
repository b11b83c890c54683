"""What changed since the last look: which patterns are new, came back, or are gone. A cursor says when that was, no more."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from api.agents.arguments import Changed
from api.agents.calls import Call, age, as_time, minute, short
from api.agents.sheets import Sheet, Told, fit
from api.http.problems import Invalid
from api.pages.now import rank
from api.reads.entries import PATTERN_LIST
from api.triage.history import PATTERN_HISTORY
from common.uuid7 import time_of_uuid7

CURSOR = re.compile(r"t([0-9a-f]{1,11})")
FIRST_LOOK = timedelta(hours=24)
LONGEST_LOOK = timedelta(days=7)
QUIET = timedelta(hours=1)  # a pattern that had no error for so long is gone
HISTORIES_MAX = 20  # of patterns that came back, whose moment is asked for


async def tell_changes(call: Call, asked: Changed) -> Told:
    """Each change is told once to who gives each answer's cursor with the next call, whatever lies between."""
    since = read_cursor(asked.cursor)
    window = "7d" if since is not None else "24h"
    answer = (await call.ask(PATTERN_LIST, {"window": window})).value
    now = as_time(answer.computed_at)
    since = min(now - FIRST_LOOK if since is None else max(since, now - LONGEST_LOOK), now)
    ordered = sorted(answer.patterns, key=rank)
    await call.progress(1, 2, "patterns are read")
    new = [one for one in ordered if is_new(one, since)]
    back = await find_back(call, [one for one in ordered if one.state == "regressed" and not is_new(one, since)], since)
    gone = [one for one in ordered if since < as_time(one.last_seen) + QUIET <= now and one.state != "ignored"]
    changed = [*[("new", one) for one in new], *[("regressed", one) for one in back], *[("gone", one) for one in gone]]
    await call.progress(2, 2, "done")
    told = [
        [what, short(one.id), one.count, name_service(one), age(one.last_seen, now), one.title] for what, one in changed
    ]
    said = f"Since {minute(since)}: {len(new)} new, {len(back)} regressed, {len(gone)} gone (quiet for 1h)."
    sheet = Sheet(
        said,
        {},
        ("change", "pattern", "count", "service", "last", "title"),
        told,
        more="call again with the same cursor and a larger max_tokens",
        next=write_cursor(now),
        cell_characters=72,
    )
    return fit(sheet, asked.max_tokens)


def is_new(one: Any, since: datetime) -> bool:
    """Whether the worker found it after that, or its first error happened then."""
    found = time_of_uuid7(UUID(str(one.id)))
    return max(as_time(one.first_seen), found or as_time(one.first_seen)) > since


async def find_back(call: Call, regressed: Sequence[Any], since: datetime) -> list[Any]:
    """Those that came back after that."""
    back = []
    for one in regressed[:HISTORIES_MAX]:
        history = (await call.ask(PATTERN_HISTORY, {}, UUID(str(one.id)))).value.transitions
        moments = [as_time(change.happened_at) for change in history if change.name == "regressed"]
        if not moments or max(moments) > since:
            back.append(one)
    return back + list(regressed[HISTORIES_MAX:])


def name_service(one: Any) -> str:
    return one.services[0].key if one.services else ""


def write_cursor(moment: datetime) -> str:
    return f"t{int(moment.timestamp() * 1000):x}"


def read_cursor(sent: str | None) -> datetime | None:
    """The moment of the last look. Raises Invalid."""
    if sent is None:
        return None
    found = CURSOR.fullmatch(sent)
    if found is None:
        raise Invalid("cursor: give `next` of your last look as it was, or none")
    return datetime.fromtimestamp(min(int(found[1], 16), 4_102_444_800_000) / 1000, UTC)
