"""The rows of the list of patterns, as markup by functions: fifty of them took a template four times as long as all else of a
page together. What comes from outside is escaped here, by `shown`; the rest is numbers, ids and words of ours."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup, escape

from api.pages.charts import sparkline
from api.pages.frame import Frame
from api.pages.rendering import show_number, show_share, show_text, show_time

SERVICES_NAMED = 3
SELECT = '<td><input type="checkbox" name="pattern" value="%s" aria-label="Select %s"></td>'
ROW = (
    '<tr data-row class="%s">%s'
    '<td class="title"><a class="name" href="%spatterns/%s?window=%s">%s</a>'
    '<div class="sub"><span class="state %s">%s</span> %s</div></td>'
    "<td>%s</td>"
    '<td class="count" data-count="%s">%s</td>'
    '<td class="count">%s</td>'
    '<td><span class="trend %s">%s</span><div class="sub">%s</div></td>'
    '<td class="time">%s</td><td class="time">%s</td></tr>\n'
)


def shown(text: str) -> str:
    """A text as a page may have it, between tags and in the quotes of an attribute."""
    return str(escape(show_text(text)))


def pattern_row(pattern: Any, counts: Sequence[int], previous: int, *, home: str, window: str, may_decide: bool) -> str:
    """One pattern: the markup of its row. `home` is the address of the project's pages."""
    number, title = str(pattern.id), shown(pattern.title)
    state, trend, window, home = shown(pattern.state), shown(pattern.trend), shown(window), shown(home)
    return ROW % (
        state, SELECT % (number, title) if may_decide else "",
        home, number, window, title,
        state, state, shown(name_services(pattern.services)),
        sparkline(counts, f"{pattern.count:,} errors, {previous:,} in the time before"),
        number, show_number(pattern.count),
        shown(show_share(pattern.share)),
        trend, trend, shown(say_reason(pattern)),
        show_time(pattern.first_seen), show_time(pattern.last_seen),
    )  # fmt: skip


def draw_rows(rows: Iterable[tuple[Any, Sequence[int], int]], frame: Frame, window: str) -> Markup:
    """All rows: of each the pattern, its counts by step, and how many there were in the time before."""
    draw = partial(pattern_row, home=frame.home, window=window, may_decide=frame.may_decide)
    return Markup("".join([draw(*row) for row in rows]))  # noqa: S704 - escaped by what made it


def name_services(services: Sequence[Any]) -> str:
    """Those with most errors, and how many more there are."""
    named = ", ".join(service.key for service in services[:SERVICES_NAMED])
    more = len(services) - SERVICES_NAMED
    return f"{named} and {more} more" if more > 0 else named


def say_reason(pattern: Any) -> str:
    """Why the pattern has its trend, in words."""
    facts = pattern.trend_facts
    if facts is None:
        return ""
    return f"{facts.count:,} in the last {facts.window}, {facts.expected:,.1f} expected"
