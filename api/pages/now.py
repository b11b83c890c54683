"""The first page: what is failing now, what matters first, with how it went and what was there before."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from api.pages import charts
from api.pages.addresses import span_of
from api.pages.documents import Document, ask
from api.pages.frame import show_kept
from api.pages.pattern_rows import draw_rows
from api.pages.rendering import SEVERITIES
from api.pages.routers import PageRouter, Reader
from api.reads.entries import PATTERN_LIST, RELEASE_LIST, SERIES_LIST
from api.reads.parameters import CountsQuery, PatternState, PatternTrend, Window
from common.tables.columns import OVERFLOW_NAME

ROWS = 50
RELEASES, RELEASES_OFFERED = 200, 50
FILTERS = ("service", "severity", "environment", "release", "state", "trend", "text")
SIGNS = ("", "not_")
OF_ERRORS = FILTERS[:4]  # those that say something of an error by itself
NOTICE = ("done", "of")  # what a page that comes after a form says of it (api/pages/frame.py)
# What deserves a look first; those that somebody dealt with come last.
TREND_RANK = {"spiking": 0, "regressed": 0, "new": 0, "rising": 1}
STATE_RANK = {"regressed": 0, "new": 0, "resolved": 3, "ignored": 4}
USUAL_RANK = 2

router = PageRouter()


class WentOfPattern(msgspec.Struct, frozen=True):
    """How one pattern went; of a thousand of them a page shows fifty, and only of these it reads the counts."""

    id: str
    counts: msgspec.Raw
    previous: int


class Went(msgspec.Struct, frozen=True):
    """What a page needs of `PatternSeries`."""

    step_seconds: int
    starts: list[datetime]
    counts: list[int]
    previous: int
    patterns: list[WentOfPattern]


SERIES_SHAPE, COUNTS = msgspec.json.Decoder(Went), msgspec.json.Decoder(list[int])


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A value with its errors, and a link that asks for these alone."""

    key: str
    count: int
    link: str


class Address(NamedTuple):
    """The page with its filters, from which links to others of them are made."""

    home: str
    params: Mapping[str, str]

    def but(self, **changes: str | None) -> str:
        """The address with some parameters otherwise, and on the first page; None takes one out."""
        merged = {**self.params, "page": None, **changes}
        query = urlencode({name: value for name, value in merged.items() if value})
        return self.home + (f"?{query}" if query else "")


@router.get("/p/{project_id}/")
async def show_now(request: Request, caller: Reader) -> Response:
    """What is failing in one window."""
    sent = {name: value for name, value in request.query_params.items() if value and name not in NOTICE}
    page = read_page_number(sent.pop("page", "1"))
    counted = {name: value for name, value in sent.items() if name in CountsQuery.model_fields}
    now, series, releases = await asyncio.gather(
        ask(request, caller, PATTERN_LIST, sent),
        ask(request, caller, SERIES_LIST, counted, shape=SERIES_SHAPE),
        ask(request, caller, RELEASE_LIST, {"limit": RELEASES}),
    )
    address = Address(request.url.path, sent)
    return await show_kept(
        request, "now.html", "Now", (now, series, releases), (page, tuple(sent.items())),
        lambda: describe(now, series, releases.value.releases, address, page),
    )  # fmt: skip


def read_page_number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def describe(now: Document, series: Document, releases: Sequence[Any], address: Address, page: int) -> dict[str, Any]:
    """What the template shows. The sums are those of the patterns answer; lines and the time before those of the series."""
    answer, went = now.value, series.value
    ordered = sorted(answer.patterns, key=rank)
    pages = max(1, -(-len(ordered) // ROWS))
    page = min(page, pages)
    listed = ordered[(page - 1) * ROWS : page * ROWS]
    return {
        "answer": answer,
        "rows": list(pair(listed, went)),
        "draw_rows": draw_rows,
        "page": page,
        "pages": pages,
        "address": address,
        "windows": [window.value for window in Window],
        "window": answer.window,
        "filters": list(name_filters(address)),
        "choices": name_choices(answer, releases),
        "by_severity": key_rows(answer.by_severity, "severity", address),
        "by_service": key_rows(answer.by_service, "service", address),
        "by_environment": key_rows(answer.by_environment, "environment", address),
        "series": went,
        "chart": draw(went, address, releases),
        "deploys": [
            (release, mark) for release, mark in zip(went.starts, marks_of(went, releases), strict=True) if mark
        ],
        "change": say_change(answer.total, went.previous),
        "has_not": any("not_" + name in address.params for name in FILTERS),
        "is_filtered": any(sign + name in address.params for name in FILTERS for sign in SIGNS),
    }


def pair(patterns: Sequence[Any], went: Any) -> Iterable[tuple[Any, Sequence[int], int]]:
    """Each pattern with how it went."""
    by_id = {one.id: one for one in went.patterns}
    nothing = [0] * len(went.starts)
    for pattern in patterns:
        one = by_id.get(str(pattern.id))
        yield (pattern, COUNTS.decode(one.counts), one.previous) if one else (pattern, nothing, 0)


def rank(pattern: Any) -> tuple[Any, ...]:
    """What matters first: new, back, spiking; then most errors."""
    state = STATE_RANK.get(pattern.state, USUAL_RANK)
    usual = min(state, TREND_RANK.get(pattern.trend, USUAL_RANK)) if state <= USUAL_RANK else state
    return usual, -pattern.count, str(pattern.id)


def say_change(total: int, previous: int) -> str:
    """How the window compares with the time before it that is as long."""
    if not previous:
        return "none in the time before" if total else "none in the time before either"
    factor = total / previous
    if factor >= 2:
        return f"{factor:,.1f} times as many as the {previous:,} in the time before"
    return f"{factor - 1:+.0%}".replace("%", " %") + f" on the {previous:,} in the time before"


def name_filters(address: Address) -> Iterable[tuple[str, str]]:
    """Each filter that is set, in words, and the address without it."""
    for name in FILTERS:
        for sign in SIGNS:
            if value := address.params.get(sign + name):
                yield f"{name} is {'not ' if sign else ''}{value}", address.but(**{sign + name: None})


def name_choices(answer: Any, releases: Sequence[Any]) -> dict[str, list[str]]:
    """What can be chosen in each filter of words: what there is in the window."""
    return {
        "service": [row.key for row in answer.by_service],
        "severity": SEVERITIES,
        "environment": [row.key for row in answer.by_environment if row.key],
        "release": [one.release for one in releases[:RELEASES_OFFERED]],
        "state": list(get_args(PatternState.__value__)),
        "trend": list(get_args(PatternTrend.__value__)),
    }


def key_rows(counts: Sequence[Any], name: str, address: Address) -> list[KeyRow]:
    """Those with most errors; what has no name, or stands for several, is no filter."""
    return [
        KeyRow(row.key, row.count, "" if row.key in ("", OVERFLOW_NAME) else address.but(**{name: row.key}))
        for row in counts
    ]


def marks_of(went: Any, releases: Sequence[Any]) -> list[str]:
    """The releases that began in each step."""
    return charts.place_marks(releases, went.starts, timedelta(seconds=went.step_seconds))


def draw(went: Any, address: Address, releases: Sequence[Any]) -> str:
    """The bars, each a link to the errors of its step that the filters let pass."""
    step = timedelta(seconds=went.step_seconds)
    kept = {name: value for name, value in address.params.items() if name.removeprefix("not_") in OF_ERRORS}
    links = [address.home + "search?" + urlencode({**kept, **span_of(start, step)}) for start in went.starts]
    return charts.bars(went.counts, went.starts, links, f"Errors in steps of {step}", marks_of(went, releases), step)
