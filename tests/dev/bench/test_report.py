"""The page on performance says which targets are missed, and what was not measured."""

from typing import Any

from dev.bench.all import plan
from dev.bench.report import make_page
from dev.bench.targets import Target

ROW = {"rate": 1000.0, "ratio": 1.0, "server_us": 50.0, "postgres_us": 5.0, "generator_us": 2.0,
       "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "of_starlette": 1.0}  # fmt: skip
INGEST = {
    "error_bytes": 1200,
    "batch": dict.fromkeys(("mayday", "copy", "add_all", "source", "naive"), ROW),
    "single": dict.fromkeys(("mayday", "insert", "one_insert", "source", "naive"), ROW),
    "one_connection": dict.fromkeys(("mayday", "insert", "one_insert", "source", "naive"), ROW),
    "parts": {
        "batch": {"parse": 9.0, "Postgres": 21.0, "all else": 5.0},
        "new_traces": {"parse": 9.5, "Postgres": 22.0},
    },
    "memory": {"idle_bytes": 100_000_000, "after_bytes": 120_000_000},
}
HOT = {"bytes": 5000} | dict.fromkeys(("mayday", "mayday 304", "starlette", "smallest"), ROW)
READS = {
    "errors": 20_000,
    "hot": {"patterns identity": HOT, "patterns zstd": HOT | {"bytes": 1000}},
    "beside": {
        "capacity": 6000,
        "p95_over_idle": 4.0,
        "rows": {
            name: ROW
            | {
                "hit_share": 0.995,
                "stale_share": 0.02,
                "age_most_seconds": 0.5,
                "p95_ms": p95_ms,
                "reader_p95_ms": p95_ms + 1,
                "reads": 240,
                "late_reads": 1,
            }
            for name, p95_ms in (("idle", 2.0), ("beside 1,000 errors/s", 3.0), ("beside half the capacity", 8.0))
        },
    },
    "before": {name: {"naive": ROW | {"p95_ms": 20.0}, "mayday": ROW} for name in ("recent", "patterns")},
}
CURVE = [
    {"errors": errors, "bytes_per_error": 1200, "patterns_run_seconds": 0.5, "ingest": ROW | {"rate": rate, "of_young": share},
     "recent": ROW | {"of_young": 0.9}, "patterns": ROW | {"of_young": 1.1},
     "misses": {name: {"p50_ms": 5.0} for name in ("recent", "list", "pattern")}}
    for errors, rate, share in ((20_000, 8_000.0, 1.0), (10_000_000, 6_000.0, 0.75))
]  # fmt: skip
MACHINE = {"date": "2026-01-02", "cores": 2, "memory_gb": 8.0, "load_at_start": 0.5, "wall_seconds": 400.0,
           "versions": {"Python": "3.13.1"}}  # fmt: skip


def page_of(**figures: Any) -> str:
    benches = {
        name: {"arguments": "--rounds 1", "wall_seconds": 1.0, "figures": figure} for name, figure in figures.items()
    }
    return make_page({"machine": MACHINE, "benches": benches})


def test_missed_targets_are_named() -> None:
    page = page_of(ingest=INGEST, reads=READS)
    assert "| batch: rate over naive | at least 15 x | 1 x | **missed** |" in page
    assert "| CPU of API and Postgres an error, batch | at most 60 µs | 55 µs | met |" in page
    assert "missed: batch: rate over add_all; " in page


def test_what_an_error_costs_is_told_by_part() -> None:
    page = page_of(ingest=INGEST)
    assert "| all else | 5.0 |  |\n| together | 35.0 | 31.5 |" in page


def test_improvement_is_over_the_naive_service() -> None:
    page = page_of(ingest=INGEST, reads=READS)
    assert "| recent, p95, one reader | 20 ms | 2 ms | 90 % | 77 % |" in page
    assert "| bytes of patterns, zstd | 5,000 bytes | 1,000 bytes | 80 % | 60 % |" in page
    assert "| better: recent, p95, one reader | at least 77 % | 90 % | met |" in page
    assert "| better: log, p95, 64 connections | at least 90 % | 0 % | **missed** |" in page


def test_reads_beside_writes_and_the_curve_have_their_targets() -> None:
    page = page_of(reads=READS, curve=CURVE)
    assert "| recent beside 1,000 errors/s: hits | at least 99 % | 99.5 % | met |" in page
    assert "| recent beside half the capacity: p95 over idle | at most 3 x | 4 x | **missed** |" in page
    assert "| 10 million errors: ingest over a young log's | at least 0.8 x | 0.75 x | **missed** |" in page
    assert "| 10 million errors: pattern, uncached, median | at most 10 ms | 5 ms | met |" in page
    assert "| 10,000,000 | 6,000 | 0.75 | 3 | 1,000 | 0.90 | 1,000 | 1.10 | 5.00 | 5.00 | 5.00 | 0.50 | 1,200 |" in page


def test_memory_has_its_targets() -> None:
    page = page_of(
        memory={"started_bytes": 90e6, "idle_bytes": 100e6, "after_bytes": 140e6, "later_bytes": 120e6, "minutes": 10,
                "cached_errors": 10_089, "redis_bytes": 9e6, "burst_errors": 600_000, "burst_seconds": 60.0}
    )  # fmt: skip
    assert "| memory of the API after a burst | at most 150 MB | 140 MB | met |" in page
    assert "| 10 minutes later over idle | at most 1.1 x | 1.2 x | **missed** |" in page
    assert "| after 600,000 errors in 60 s | 140 MB |" in page
    assert "| Redis for 10,089 errors | at most 20 MB | 9 MB | met |" in page


def test_what_was_not_run_is_said() -> None:
    page = page_of(reads=READS)
    assert "Not run this time: ingest, patterns, projection, grouping, curve, memory." in page
    assert "The write path" not in page


def test_a_bound_is_met_from_its_side() -> None:
    assert Target("rate", 3, 3).is_met
    assert not Target("rate", 2.9, 3).is_met
    assert not Target("memory", 151, 150, "MB", is_most=True).is_met


def test_grouping_is_run_where_there_is_data() -> None:
    assert "grouping" not in plan(None)
