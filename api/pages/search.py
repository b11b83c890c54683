"""Looking for errors: with the filters of the list, or by an id that somebody pasted; and the newest ones as they come."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response

from api.access.keys import Caller
from api.http.problems import NotFound
from api.pages.addresses import home_of
from api.pages.documents import ask
from api.pages.frame import show, show_kept
from api.pages.routers import PageRouter, Reader, go_to
from api.reads.catalogue import Read
from api.reads.entries import ERROR_PAGE, ONE_ERROR, ONE_PATTERN, RECENT

LIMIT = 50
WORDS = ("service", "severity", "environment", "release")
FILTERS = (*WORDS, *(f"not_{word}" for word in WORDS), "pattern", "since", "until", "text")
PLACES: tuple[tuple[Read[Any], str], ...] = ((ONE_ERROR, "errors"), (ONE_PATTERN, "patterns"))

router = PageRouter()


@router.get("/p/{project_id}/search")
async def show_search(request: Request, caller: Reader) -> Response:
    """Errors over time, newest first; an id of an error or a pattern leads to its page."""
    sent = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
    pasted = read_id(sent.get("text", ""))
    if pasted is not None and (found := await find_page(request, caller, pasted)):
        return go_to(home_of(caller.project_id) + found)
    wanted = {name: value for name, value in sent.items() if name in (*FILTERS, "cursor")}
    page = (await ask(request, caller, ERROR_PAGE, {**wanted, "limit": LIMIT})).value
    filters = {name: value for name, value in wanted.items() if name in FILTERS}
    further = f"?{urlencode({**filters, 'cursor': page.next})}" if page.next else ""
    return await show(
        request, "search.html", "Search",
        errors=page.errors, filters=filters, further=further, is_further="cursor" in wanted, pasted=pasted,
        ranges=list(name_ranges(filters)), has_not=any(name.startswith("not_") for name in filters),
    )  # fmt: skip


def name_ranges(filters: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Other ranges of time than that which is searched, in words, each with its address; none where it has no two ends that
    are times."""
    try:
        since, until = (datetime.fromisoformat(filters.get(name, "")) for name in ("since", "until"))
        length = until - since
        found = {
            "the time before": (since - length, since),
            "the time after": (until, until + length),
            "three times as long": (since - length, until + length),
        }
    except (ValueError, TypeError, OverflowError):
        return
    for words, (first, last) in found.items():
        yield words, "?" + urlencode({**filters, "since": first.isoformat(), "until": last.isoformat()})


def read_id(text: str) -> UUID | None:
    """The id that somebody pasted, with hyphens or without; None for other text."""
    try:
        return UUID(text) if len(text) in (32, 36) else None
    except ValueError:
        return None


async def find_page(request: Request, caller: Caller, pasted: UUID) -> str:
    """Where the error or the pattern with this id is shown; empty where there is neither."""
    for read, place in PLACES:
        try:
            await ask(request, caller, read, {}, pasted)
        except NotFound:
            continue
        return f"{place}/{pasted}"
    return ""


@router.get("/p/{project_id}/live")
async def show_live(request: Request, caller: Reader) -> Response:
    """The newest errors; the page asks again every other second while somebody looks."""
    wanted = {name: value for name, value in request.query_params.items() if value and name in WORDS}
    recent = await ask(request, caller, RECENT, {**wanted, "limit": LIMIT})
    values = {"errors": recent.value.errors, "filters": wanted}
    return await show_kept(request, "live.html", "Live", (recent,), tuple(wanted.items()), lambda: values)
