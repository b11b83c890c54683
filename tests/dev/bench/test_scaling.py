"""Loads that ran side by side are added up, and each share is one of the same round."""

from array import array
from datetime import UTC, datetime

import pytest

from common.settings import Settings
from dev.bench import isolation, scaling
from dev.bench.load import Load
from dev.bench.steady import Seen, describe_ages
from dev.bench.turns import Slice
from dev.bench.waits import name_wait, share_waits


def taken(done: int, latencies: list[float], *, api: float = 0.0, postgres: float = 0.0, seconds: float = 2.0) -> Slice:
    return Slice(Load(done, len(latencies), seconds, 0.2, array("d", latencies)), api, postgres)


def test_loads_side_by_side_count_together_and_their_generator_once() -> None:
    both = scaling.add_up([Load(30, 3, 1.0, 0.5, array("d", [0.1])), Load(20, 2, 1.1, 0.6, array("d", [0.2, 0.3]))])
    assert (both.done, both.requests, both.seconds, both.generator_cpu_seconds) == (50, 5, 1.1, 0.6)
    assert list(both.latencies_seconds) == [0.1, 0.2, 0.3]


def test_processes_are_told_by_their_rate_over_one_and_the_cores_that_they_kept_busy() -> None:
    one = [taken(1_000, [0.1], api=1.6, postgres=0.4), taken(1_000, [0.1], api=1.6, postgres=0.4)]
    two = [taken(1_500, [0.1], api=2.4, postgres=0.6), taken(2_000, [0.1], api=3.2, postgres=0.8)]
    table = scaling.compare({"1 process": one, "2 processes": two})
    assert [row["ratio"] for row in table.values()] == [1.0, 1.75]
    assert [row["server_us"] for row in table.values()] == [1_600.0, 1_600.0]
    assert table["2 processes"]["cores"] == {"api": 1.4, "postgres": 0.35, "generator": 0.1}


def test_a_load_is_told_by_its_rate_and_the_worker_by_its_time_each_over_the_same_alone() -> None:
    table = isolation.compare(
        {
            "worker": [taken(4, [0.5, 0.5]), taken(4, [0.4, 0.6])],
            **{name: [taken(100, [0.1]), taken(100, [0.1])] for name in ("batches", "reads")},
            **{f"{name} beside worker": [taken(80, [0.1]), taken(90, [0.1])] for name in ("batches", "reads")},
            **{f"worker beside {name}": [taken(2, [1.0, 1.0]), taken(2, [1.5, 1.5])] for name in ("batches", "reads")},
        }
    )
    assert table["batches beside worker"]["rate_of_alone"] == pytest.approx(0.85)
    assert table["worker beside reads"]["run_of_alone"] == pytest.approx(2.5)
    assert isolation.tell_share(table["reads beside worker"]) == "rate 0.85 x"
    assert isolation.tell_share(table["worker beside batches"]) == "time 2.50 x"
    assert isolation.tell_share(table["worker"]) == ""


def test_how_long_jobs_took_and_how_old_counts_got_are_told_beside_when_they_are_late() -> None:
    seen = Seen(deltas=[0.0, 4.5, 2.0], jobs={"fold": [1.0, 5.2], "patterns": [30.0, 61.5]})
    seen.runs = {
        ("fold", datetime(2026, 1, 2, 3, minute, tzinfo=UTC)): seconds
        for minute, seconds in ((1, 0.2), (2, 0.4), (3, 0.3))
    }
    seen.runs["patterns", datetime(2026, 1, 2, 3, tzinfo=UTC)] = 1.5
    told = describe_ages(seen, Settings.load())
    assert told["oldest_delta_seconds"] == 4.5
    assert told["jobs"]["fold"] == {
        "runs": 3, "median_seconds": 0.3, "longest_seconds": 0.4, "oldest_seconds": 5.2, "late_after_seconds": 10.0,
    }  # fmt: skip
    assert told["jobs"]["patterns"]["late_after_seconds"] == 120.0


@pytest.mark.parametrize(
    ("kind", "event", "named"),
    [
        (None, None, "nothing"),
        ("Client", "ClientRead", "the API"),
        ("IO", "WalSync", "the disk"),
        ("LWLock", "WALWrite", "the disk"),
        ("LWLock", "BufferContent", "each other"),
        ("Lock", "extend", "each other"),
    ],
)
def test_a_wait_is_for_the_api_the_disk_or_each_other(kind: str | None, event: str | None, named: str) -> None:
    assert name_wait(kind, event) == named


def test_waits_are_told_as_shares() -> None:
    assert share_waits({"the API": 3, "each other": 1}) == {
        "the API": 0.75, "nothing": 0.0, "the disk": 0.0, "each other": 0.25,
    }  # fmt: skip
