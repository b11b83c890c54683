"""The first page: what is failing now, what matters first, with how it went and what was there before."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple, get_args
from urllib.parse import urlencode

from fastapi import Request, Response

from api.pages import charts
from api.pages.addresses import span_of
from api.pages.documents import Document, ask
from api.pages.frame import show_kept
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


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A value with its errors, and a link that asks for these alone."""

    key: str
    count: int
    link: str


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One pattern as a row of the list."""

    pattern: Any
    counts: Sequence[int]
    previous: int
    reason: str

    @property
    def spark(self) -> str:
        return charts.sparkline(self.counts, f"{self.pattern.count:,} errors, {self.previous:,} in the time before")


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
        ask(request, caller, SERIES_LIST, counted),
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
    by_id = {one.id: one for one in went.patterns}
    ordered = sorted(answer.patterns, key=rank)
    pages = max(1, -(-len(ordered) // ROWS))
    page = min(page, pages)
    nothing = [0] * len(went.starts)
    rows = [
        PatternRow(
            pattern,
            by_id[pattern.id].counts if pattern.id in by_id else nothing,
            by_id[pattern.id].previous if pattern.id in by_id else 0,
            say_reason(pattern),
        )
        for pattern in ordered[(page - 1) * ROWS : page * ROWS]
    ]
    return {
        "answer": answer,
        "rows": rows,
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


def rank(pattern: Any) -> tuple[Any, ...]:
    """What matters first: new, back, spiking; then most errors."""
    state = STATE_RANK.get(pattern.state, USUAL_RANK)
    usual = min(state, TREND_RANK.get(pattern.trend, USUAL_RANK)) if state <= USUAL_RANK else state
    return usual, -pattern.count, str(pattern.id)


def say_reason(pattern: Any) -> str:
    """Why the pattern has its trend, in words."""
    facts = pattern.trend_facts
    if facts is None:
        return ""
    return f"{facts.count:,} in the last {facts.window}, {facts.expected:,.1f} expected"


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
