"""The page of one pattern, and of one error: what it is, where and since when it happens, and what people decided."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response

from api.access.keys import Caller
from api.http.problems import NotFound
from api.pages import charts
from api.pages.addresses import home_of, span_of
from api.pages.documents import ask
from api.pages.frame import show
from api.pages.routers import PageRouter, Reader
from api.pages.stacks import read_stacks
from api.pages.traces import fold_trace
from api.reads.entries import ONE_ERROR, ONE_PATTERN, PATTERN_LIST, RELEASE_LIST
from api.reads.parameters import Window
from api.triage.history import PATTERN_HISTORY

HOUR = timedelta(hours=1)
RELEASES_MARKED = 200
MERGE_CHOICES = 200  # patterns with most errors, of which one can be chosen to merge into
GROUPED_BY = {
    "stacktrace": "their traces have the same types and the same frames of the program's own",
    "message": "their messages are the same but for what varies",
    "client": "whoever sent them gave them the same fingerprint",
    "overflow": "the project has more kinds of errors than are told apart",
}
# Of an error's context, what has a section of its own on its page, in this order.
SECTIONS = ("request", "user", "contexts", "extra", "threads", "sdk", "modules")

router = PageRouter()


@router.get("/p/{project_id}/patterns/{pattern_id}")
async def show_pattern(request: Request, caller: Reader, pattern_id: UUID, window: Window = Window.week) -> Response:
    """One pattern in a window, with its latest error whole."""
    pattern, history, releases = await asyncio.gather(
        ask(request, caller, ONE_PATTERN, {"window": window}, pattern_id),
        ask(request, caller, PATTERN_HISTORY, {}, pattern_id),
        ask(request, caller, RELEASE_LIST, {"limit": RELEASES_MARKED}),
    )
    found = pattern.value
    latest = await find_latest(request, caller, found)
    listed = (await ask(request, caller, PATTERN_LIST, {"window": window})).value
    return await show(
        request,
        "pattern.html",
        "Now",
        pattern=found,
        history=history.value.transitions,
        others=[other for other in listed.patterns if other.id != found.id][:MERGE_CHOICES],
        errors=found.examples,
        why=GROUPED_BY.get(found.grouped_by, found.grouped_by),
        chart=draw(found, home_of(caller.project_id), releases.value.releases),
        windows=[one.value for one in Window],
        error=latest,
        **shown_error(latest),
    )


async def find_latest(request: Request, caller: Caller, pattern: Any) -> Any:
    """The newest error of the pattern that is there whole; None where its errors are gone already."""
    if not pattern.examples:
        return None
    try:
        return (await ask(request, caller, ONE_ERROR, {}, pattern.examples[0].id)).value
    except NotFound:
        return None


@router.get("/p/{project_id}/errors/{event_id}")
async def show_error(request: Request, caller: Reader, event_id: UUID) -> Response:
    """One error with all that was sent of it."""
    error = (await ask(request, caller, ONE_ERROR, {}, event_id)).value
    return await show(request, "error.html", "Search", error=error, **shown_error(error))


def shown_error(error: Any) -> dict[str, Any]:
    """What the templates show of an error beside its fields."""
    if error is None:
        return {"stacks": [], "trace": [], "sections": {}, "breadcrumbs": [], "rest": {}}
    context = error.context or {}
    breadcrumbs, stacks = context.get("breadcrumbs"), read_stacks(context.get("exception"))
    shown_apart = {
        *SECTIONS,
        *(["breadcrumbs"] if is_list_of_objects(breadcrumbs) else []),
        *(["exception"] if stacks else []),
    }
    return {
        "stacks": stacks,
        "trace": fold_trace(error.stack_trace or ""),
        "sections": {name: context[name] for name in SECTIONS if context.get(name)},
        "breadcrumbs": breadcrumbs if is_list_of_objects(breadcrumbs) else [],
        "rest": {name: value for name, value in context.items() if name not in shown_apart},
    }


def is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def draw(pattern: Any, home: str, releases: Sequence[Any]) -> str:
    """The errors by hour, each bar a link to them; where a release had its first error of all, it is marked."""
    starts = [one.start for one in pattern.series]
    links = [home + "search?" + urlencode({"pattern": pattern.id, **span_of(start, HOUR)}) for start in starts]
    marks = charts.place_marks(releases, starts, HOUR)
    return charts.bars([one.count for one in pattern.series], starts, links, "Errors by hour", marks, HOUR)
