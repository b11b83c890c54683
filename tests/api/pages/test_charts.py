"""Charts are well-formed SVG for any numbers, draw what they are given, and escape what they are called."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from api.pages import charts
from api.pages.rendering import show_text

STEP = timedelta(hours=1)
START = datetime(2026, 2, 1, tzinfo=UTC)
COUNTS = st.lists(st.integers(0, 10**15), max_size=60)
LABEL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=40)


def heights(svg: str, name: str) -> list[float]:
    root = ET.fromstring(svg)  # noqa: S314 - our own
    return [float(one.attrib["height"]) for one in root.iter() if one.attrib.get("class") == name]


@given(COUNTS, LABEL)
def test_a_sparkline_is_well_formed_and_says_what_it_is_called(counts: list[int], label: str) -> None:
    root = ET.fromstring(charts.sparkline(counts, label))  # noqa: S314
    assert root.attrib["aria-label"] == show_text(label)


@given(COUNTS, LABEL)
def test_bars_have_one_link_each_as_high_as_their_share(counts: list[int], label: str) -> None:
    starts = [START + timedelta(hours=number) for number in range(len(counts))]
    svg = charts.bars(
        counts, starts, [f"?q={label}&n={n}" for n in range(len(counts))], label, [label] * len(counts), STEP
    )
    drawn = heights(svg, "bar")
    assert [height > 0 for height in drawn] == [count > 0 for count in counts]
    assert all(height <= charts.BAR_HEIGHT for height in drawn)
    if any(counts):
        assert drawn[counts.index(max(counts))] == max(drawn)


class Release(NamedTuple):
    release: str
    first_seen: datetime


@given(st.lists(st.tuples(st.text(max_size=5), st.integers(-10_000, 400_000)), max_size=30), st.integers(0, 48))
def test_each_release_is_marked_in_the_step_of_its_first_error_and_in_no_other(
    seen: list[tuple[str, int]], number: int
) -> None:
    releases = [Release(name, START + timedelta(seconds=seconds)) for name, seconds in seen]
    starts = [START + step * STEP for step in range(number)]
    marks = charts.place_marks(releases, starts, STEP)
    for start, mark in zip(starts, marks, strict=True):
        within = [one.release for one in releases if start <= one.first_seen < start + STEP]
        assert mark == ", ".join(within[:5]) + (" and more" if len(within) > 5 else "")
    assert charts.place_marks(releases, [], STEP) == []


def test_what_cannot_be_seen_is_shown_as_its_code_in_labels_and_marks() -> None:
    hidden = "a\u202eb\u200b"
    for svg in (
        charts.bars([1], [START], ["?"], hidden, [hidden], STEP), charts.sparkline([1], hidden),
        charts.day_bars([1], [START.date()], hidden), charts.fan(0.5, 1, 1, 1, 1, 1, hidden),
    ):  # fmt: skip
        assert "\\u{202e}" in svg
        assert "\u202e" not in svg
        assert "\u200b" not in svg


@given(COUNTS)
def test_days_are_as_high_as_their_share(counts: list[int]) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(len(counts))]
    drawn = heights(charts.day_bars(counts, days, "tokens"), "bar")
    most = max(counts, default=0) or 1
    assert all(
        abs(height - charts.BAR_HEIGHT * count / most) <= 0.1 for height, count in zip(drawn, counts, strict=True)
    )


AMOUNT = st.floats(0, 1e15)


@given(st.floats(0, 1), AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT)
def test_a_fan_keeps_everything_in_its_frame(
    passed: float, spent: float, middle: float, low: float, more: float, limit: float
) -> None:
    high = low + more
    svg = charts.fan(passed, spent, min(max(middle, low), high), low, high, limit, "a budget")
    root = ET.fromstring(svg)  # noqa: S314
    for path in root.iter("path"):
        numbers = [
            float(one)
            for one in path.attrib["d"]
            .replace("M", " ")
            .replace("L", " ")
            .replace("V", " ")
            .replace("H", " ")
            .replace("Z", " ")
            .split()
        ]
        assert all(-1 <= number <= charts.FAN_WIDTH for number in numbers)
