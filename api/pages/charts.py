"""Charts as SVG. Pure: numbers in, markup out, which no style sheet and no script need complete.

Colours come from classes, so that light and dark are the style sheet's. Each chart says in words what it shows; a page has
the numbers behind it in a table beside it. What is drawn often is filled in by `%`, which escapes as `format` does, in a third
of the time.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from api.pages.rendering import show_text

SPARK_WIDTH, SPARK_HEIGHT = 96, 20
BAR_WIDTH, BAR_HEIGHT = 12, 96
MARKS_NAMED = 5
FAN_WIDTH, FAN_HEIGHT = 240, 80


def sparkline(counts: Sequence[int], label: str) -> Markup:
    """A small line of counts, oldest first; `label` is read out instead of it."""
    path = line_path(counts, SPARK_WIDTH, SPARK_HEIGHT)
    return Markup(  # noqa: S704 - the label is escaped, all else is numbers
        f'<svg class="spark" role="img" aria-label="{escape(show_text(label))}" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}"'
        f' width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}"><path class="area" d="{path}V{SPARK_HEIGHT}H0Z"/>'
        f'<path class="line" d="{path}"/></svg>'
    )


def line_path(counts: Sequence[int], width: int, height: int) -> str:
    """The path of a line through the counts, the largest at the top; a flat one at the bottom where there are none."""
    most, last = max(counts, default=0) or 1, max(len(counts) - 1, 1)
    points = [
        f"{width * i / last:.1f} {height - 1 - (height - 2) * count / most:.1f}" for i, count in enumerate(counts)
    ]
    return f"M{'L'.join(points or [f'0 {height - 1}', f'{width} {height - 1}'])}"


def bars(
    counts: Sequence[int],
    starts: Sequence[datetime],
    links: Sequence[str],
    label: str,
    marks: Sequence[str],
    step: timedelta,
) -> Markup:
    """A bar for each count, oldest first, each a link to what happened in its step; `marks` names what began then."""
    most, width = max(counts, default=0) or 1, BAR_WIDTH * len(counts)
    drawn = [
        bar(number, count, most, starts[number], links[number], marks[number]) for number, count in enumerate(counts)
    ]
    return Markup(
        '<svg class="bars" role="group" aria-label="{}" data-step="{:.0f}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none">{}</svg>'
    ).format(show_text(label), step.total_seconds(), width, BAR_HEIGHT, Markup("").join(drawn))


def place_marks(releases: Iterable[Any], starts: Sequence[datetime], step: timedelta) -> list[str]:
    """For each step the names of the releases whose first error came in it, `starts` being one after another."""
    marks: list[list[str]] = [[] for _ in starts]
    for release in releases:
        number = (release.first_seen - starts[0]) // step if starts else -1
        if 0 <= number < len(marks):
            marks[number].append(release.release)
    return [", ".join(names[:MARKS_NAMED]) + (" and more" if len(names) > MARKS_NAMED else "") for names in marks]


def day_bars(counts: Sequence[int], days: Sequence[date], label: str) -> Markup:
    """A bar for each day, oldest first."""
    most, width = max(counts, default=0) or 1, BAR_WIDTH * len(counts)
    drawn = [
        Markup('<g><title>{}: {}</title><rect class="bar" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/></g>').format(
            day, f"{count:,}", number * BAR_WIDTH + 1, BAR_HEIGHT - BAR_HEIGHT * count / most, BAR_WIDTH - 2,
            BAR_HEIGHT * count / most,
        )
        for number, (day, count) in enumerate(zip(days, counts, strict=True))
    ]  # fmt: skip
    return Markup(
        '<svg class="bars" role="img" aria-label="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>'
    ).format(show_text(label), width, BAR_HEIGHT, Markup("").join(drawn))


def fan(passed: float, spent: float, projected: float, low: float, high: float, limit: float, label: str) -> Markup:
    """What was spent when a part of the period had passed (0 to 1), the range in which it will end, and the limit; amounts
    in one unit. `label` is read out instead."""
    most = max(spent, high, limit) or 1.0

    def at(amount: float) -> float:
        return FAN_HEIGHT - 2 - (FAN_HEIGHT - 6) * amount / most

    label, x = show_text(label), FAN_WIDTH * min(max(passed, 0.0), 1.0)
    return Markup(
        '<svg class="fan" role="img" aria-label="{}" viewBox="0 0 {} {}"><title>{}</title>'
        '<path class="range" d="M{:.1f} {:.1f}L{} {:.1f}V{:.1f}Z"/><path class="line" d="M0 {:.1f}L{:.1f} {:.1f}"/>'
        '<path class="line projected" d="M{:.1f} {:.1f}L{} {:.1f}"/><path class="limit" d="M0 {:.1f}H{}"/></svg>'
    ).format(
        label, FAN_WIDTH, FAN_HEIGHT, label, x, at(spent), FAN_WIDTH, at(high), at(low), at(0.0), x, at(spent),
        x, at(spent), FAN_WIDTH, at(projected), at(limit), FAN_WIDTH,
    )  # fmt: skip


def bar(number: int, count: int, most: int, start: datetime, link: str, mark: str) -> Markup:
    """One bar; a count that is not nothing has a height that can be seen."""
    height = max(2.0, (BAR_HEIGHT - 8) * count / most) if count else 0.0
    said = f"{start:%Y-%m-%d %H:%M} UTC: {count:,}" + (f"; first errors of {show_text(mark)}" if mark else "")
    x = number * BAR_WIDTH
    flag = Markup('<path class="mark" d="M%d 0V%d"/>') % (x + 1, BAR_HEIGHT) if mark else Markup("")
    return Markup(
        '<a href="%s" aria-label="%s" data-start="%s"><title>%s</title><rect class="hit" x="%d" y="0" width="%d" height="%d"/>'
        '<rect class="bar" x="%d" y="%.1f" width="%d" height="%.1f"/>%s</a>'
    ) % (
        link, said, f"{start:%Y-%m-%dT%H:%M:%SZ}", said, x, BAR_WIDTH, BAR_HEIGHT, x + 1, BAR_HEIGHT - height,
        BAR_WIDTH - 2, height, flag,
    )  # fmt: skip
