"""The projection keeps its promises on made series, and the bench says by how much."""

import json
from datetime import date
from pathlib import Path

import pytest

from dev.evaluation import projection as bench
from dev.evaluation.projection import Row

PROMISED = ("steady", "weekday", "bursty")


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, int], Row]:
    made = {kind: bench.make_series(kind, bench.SERIES) for kind in PROMISED}
    return {(kind, day): bench.measure(kind, day, made[kind]) for kind in PROMISED for day in bench.DAYS}


@pytest.mark.parametrize(
    ("kind", "day", "most"),
    [
        ("steady", 10, 5),
        ("steady", 15, 3.5),
        ("steady", 20, 3),
        ("weekday", 10, 10),
        ("weekday", 15, 8),
        ("weekday", 20, 6.5),
    ],
)
def test_the_error_is_small_enough(rows: dict[tuple[str, int], Row], kind: str, day: int, most: float) -> None:
    assert rows[kind, day].mape <= most


@pytest.mark.parametrize("kind", PROMISED)
@pytest.mark.parametrize("day", bench.DAYS)
def test_the_range_holds_what_it_says(rows: dict[tuple[str, int], Row], kind: str, day: int) -> None:
    assert 75 <= rows[kind, day].coverage <= 97


@pytest.mark.parametrize("kind", PROMISED)
@pytest.mark.parametrize("day", [7, 10])
def test_it_beats_the_simple_rules_early_in_the_month(rows: dict[tuple[str, int], Row], kind: str, day: int) -> None:
    row = rows[kind, day]
    assert row.mape < min(row.run_rate, row.mean_28, row.gateway)


def test_nine_of_ten_pages_are_right(rows: dict[tuple[str, int], Row]) -> None:
    assert sum(row.pages for row in rows.values()) > 200
    for kind in PROMISED:
        assert bench.page_precision(row for row in rows.values() if row.kind == kind) >= 0.9


def test_ramps_and_steps_lose_confidence_as_they_show() -> None:
    for kind in ("ramp", "step"):
        series = bench.make_series(kind, 60)
        early, late = (bench.measure(kind, day, series).low_confidence for day in (7, 20))
        assert early < 30
        assert late > 70


def test_the_same_series_are_made_every_time() -> None:
    assert bench.make_series("weekday", 3) == bench.make_series("weekday", 3)
    assert bench.make_series("weekday", 3)[0].start.isoformat() == "2026-02-03"


def test_prints_the_table_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--series", "3", "--json", str(tmp_path / "out.json")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| series | day | MAPE | run-rate | 28-day mean | gateway |")
    assert sum(line.startswith("| ") for line in lines) == 2 + len(bench.SHAPES) * 4
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["series"] == 3
    assert len(written["rows"]) == len(bench.SHAPES) * 4


def test_the_gateway_rule_by_hand() -> None:
    series = bench.Series(date(2026, 4, 1), (0,) * 90 + (100,) * 30, 1)
    view = bench.View(series, 11, 50)
    assert view.spent == 1_050
    assert view.gateway() == 1_050 + 1_050 / 10 * 19
    assert view.run_rate() == 3_000
    assert view.mean_28() == pytest.approx(1_050 + 1_000 / 28 * 19.5)
