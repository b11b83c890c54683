"""The tools that look at errors: what is failing, one pattern, its errors, a search."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from api.agents.arguments import Explain, Failing, OfPattern, Search
from api.agents.calls import Call, age, as_time, minute, most_of, short
from api.agents.sheets import Sheet, Told, fit
from api.pages.documents import Document
from api.pages.now import rank
from api.pages.pattern_rows import say_reason
from api.pages.traces import fold_trace
from api.reads.entries import ERROR_PAGE, ONE_ERROR, ONE_PATTERN, PATTERN_LIST, RELEASE_LIST
from api.reads.local_cache import LocalCache

TOLD_MAX_BYTES = 4 * 2**20  # of answers to what is failing: agents ask the same again within seconds
RELEASES_LOOKED_AT = 200
TRACE_LINES_MAX = 200
TOGETHER = timedelta(minutes=5)
FILTERS = ("service", "environment", "release", "severity", "state", "trend", "text")

told_before: LocalCache[tuple[str, str], Told] = LocalCache(TOLD_MAX_BYTES, lambda one: 8 * len(one.text) + 4_096)


async def tell_failing(call: Call, asked: Failing) -> Told:
    """What is failing, what matters first, as the patterns of the API have it."""
    wanted = {"window": asked.window, **{name: getattr(asked, name) for name in FILTERS}}
    answer = await call.ask(PATTERN_LIST, wanted)
    key = answer.etag, asked.model_dump_json()
    told = told_before.get(key)
    if told is None:
        told = fit(describe_failing(answer, asked), asked.max_tokens)
        told_before.keep(key, told)
    return told


def describe_failing(document: Document, asked: Failing) -> Sheet:
    answer = document.value
    ordered = sorted(answer.patterns, key=orders()[asked.order])
    shown = ordered[asked.skip :]
    number = len(ordered) + answer.other.patterns
    said = f"{answer.total:,} errors, {number:,} patterns in {answer.window} to {minute(answer.window_end)}, by {asked.order}."
    rows = [describe_row(one, answer.window_end) for one in shown]
    return Sheet(
        said,
        {"services": most_of(answer.by_service)} if not asked.skip else {},
        ("pattern", "count", "state", "trend", "service", "last", "title"),
        rows,
        more="raise max_tokens, skip those told, or filter",
        of_rows=len(rows) + answer.other.patterns,
        cell_characters=72,
    )


def orders() -> Mapping[str, Any]:
    return {
        "priority": rank,
        "count": lambda one: (-one.count, str(one.id)),
        "newest": lambda one: (-as_time(one.first_seen).timestamp(), str(one.id)),
    }


def describe_row(one: Any, now: Any) -> list[Any]:
    services = (
        one.services[0].key + (f" +{len(one.services) - 1}" if len(one.services) > 1 else "") if one.services else ""
    )
    return [short(one.id), one.count, one.state, one.trend, services, age(one.last_seen, now), one.title]


async def explain(call: Call, asked: Explain) -> Told:
    """One pattern: what it is, where and since when it happens, and its latest error with the frames of the program's own."""
    pattern_id = await call.find_pattern(asked.pattern)
    sheet = await describe_pattern(call, pattern_id, asked.window)
    return fit(sheet, asked.max_tokens)


async def describe_pattern(call: Call, pattern_id: UUID, window: str) -> Sheet:
    one = (await call.ask(ONE_PATTERN, {"window": window}, pattern_id)).value
    releases = (await call.ask(RELEASE_LIST, {"limit": RELEASES_LOOKED_AT})).value.releases
    facts: dict[str, Any] = {
        "id": str(one.id),
        "template": one.template,
        "type": one.error_type,
        "state": one.state,
        "trend": ": ".join(filter(None, [one.trend, say_reason(one)])),
        "first": minute(one.first_seen),
        "last": minute(one.last_seen),
        "began_with": name_release(releases, one.first_seen),
        "services": most_of(one.services),
        "environments": most_of(one.environments),
        "releases": most_of(one.releases),
        "variables": [
            f"<{place}> {', '.join(most_of(values, 2))}" for place, values in enumerate(one.variables[:6], 1)
        ],
        "grouped_by": f"{one.grouped_by}, {one.fingerprints_total} fingerprints",
        "fixed_in": one.fixed_in,
        "note": one.note,
        "spent": f"{one.spent.tokens} tokens, {one.spent.records} calls" if one.spent.records else None,
    }
    said = f"{one.count:,} errors in {one.window}."
    lines: list[str] = []
    if one.examples:
        error = await find_error(call, one.examples[0].id)
        facts |= {"latest_error": str(error.id), "message": error.message}
        lines = own_lines(error.stack_trace or "")
    return Sheet(said, facts, named="trace", lines=lines, more="raise max_tokens, or errors_of_pattern")


def name_release(releases: Sequence[Any], first_seen: Any) -> str | None:
    """The release that came last before the pattern did: what may have changed. An error that brings both comes a moment after it
    happened."""
    before = [one for one in releases if as_time(one.first_seen) <= as_time(first_seen) + TOGETHER]
    if not before:
        return None
    newest = max(before, key=lambda one: as_time(one.first_seen))
    return f"release {newest.release}, first seen {age(newest.first_seen, first_seen)} before"


async def find_error(call: Call, event_id: Any) -> Any:
    return (await call.ask(ONE_ERROR, {}, UUID(str(event_id)))).value


def own_lines(trace: str) -> list[str]:
    """The lines of a trace, those of libraries folded."""
    lines: list[str] = []
    for block in fold_trace(trace):
        lines += [f"  ({len(block.lines)} lines of libraries)"] if block.is_folded else block.lines
    return [line for line in lines if line.strip()][:TRACE_LINES_MAX]


async def tell_errors_of(call: Call, asked: OfPattern) -> Told:
    """Errors of a pattern, newest first, few fields."""
    pattern_id = await call.find_pattern(asked.pattern)
    await call.ask(ONE_PATTERN, {}, pattern_id)  # one that is not there has no errors, which says too little
    return await tell_page(call, {"pattern": str(pattern_id), "cursor": asked.cursor}, asked.limit, asked.max_tokens)


async def search(call: Call, asked: Search) -> Told:
    """Errors that are so, newest first."""
    wanted = asked.model_dump(exclude={"limit", "max_tokens"}, exclude_none=True, mode="json")
    await call.progress(0, 1, "searching")
    told = await tell_page(call, wanted, asked.limit, asked.max_tokens)
    await call.progress(1, 1, "done")
    return told


async def tell_page(call: Call, wanted: Mapping[str, Any], limit: int, max_tokens: int) -> Told:
    """As many errors of a page as fit; `next` goes on behind the last one that is told."""
    while True:
        sheet = describe_errors(await call.ask(ERROR_PAGE, {**wanted, "limit": limit}))
        told = fit(sheet, max_tokens)
        if told.rows == len(sheet.rows):
            return told
        if limit == 1:
            return fit(replace(sheet, next=None), max_tokens)
        limit = max(1, told.rows)


def describe_errors(document: Document) -> Sheet:
    errors = document.value.errors
    rows = [
        [str(one.id), as_time(one.timestamp).strftime("%m-%d %H:%M:%S"), one.service, one.release, one.message]
        for one in errors
    ]
    return Sheet(
        f"{len(rows)} errors, newest first." if rows else "No errors.",
        {},
        ("error", "at", "service", "release", "message"),
        rows,
        next=document.value.next,
        cell_characters=120,
    )


async def describe_error(call: Call, event_id: UUID) -> Sheet:
    """One error with all that fits, for its resource."""
    one = await find_error(call, event_id)
    names = ("severity", "service", "environment", "release", "error_type", "message", "context", "tags")
    facts = {"id": str(one.id), "at": minute(one.timestamp), **{name: getattr(one, name) for name in names}}
    if one.pattern_id is not None:
        facts["pattern"] = str(one.pattern_id)
    return Sheet("One error.", facts, named="trace", lines=(one.stack_trace or "").splitlines())
