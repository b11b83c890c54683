"""A day of log sets: all that a file holds, in its bursts, with a past of the same."""

import csv
from pathlib import Path

from dev.evaluation.alerts import find_recall, make_replayed_day, tell_ours
from dev.evaluation.log_replay import PAST_DAYS, LogSets, read_sets, replay_day, shares_of

TITLES = ["payment declined by bank", "disk is at 7 percent", "mail server is away"]
SETS: LogSets = [([number % 3 for number in range(400)], TITLES)] * 4


def test_groups_are_ours_in_the_order_of_the_file(tmp_path: Path) -> None:
    with (tmp_path / "shop.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(f"E{n % 2}", f"payment {n} declined by bank" if n % 2 else f"disk at {n} percent") for n in range(40)]
        csv.writer(file).writerows([("EventId", "Content"), *rows])
    assert read_sets(tmp_path) == [([0, 1] * 20, ["disk at 0 percent", "payment 1 declined by bank"])]


def test_a_day_is_the_whole_file_with_a_past_of_the_same() -> None:
    lived, titles, services = replay_day(1, SETS)
    assert titles == TITLES * 4
    assert services == [f"service-{number // 3}" for number in range(12)]
    assert [one.today for one in lived] == [one.today for one in replay_day(1, SETS)[0]]
    assert {len(one.hourly) for one in lived} == {24 * PAST_DAYS}
    assert 2_900 < sum(sum(one.today) for one in lived) < 3_500  # two errors a message
    assert sum(shares_of(400)) == 400
    assert max(shares_of(400)[52:72]) > max(shares_of(400)[:24])


def test_what_is_injected_into_it_is_found() -> None:
    day = make_replayed_day(1, SETS)
    assert day.title(0) == TITLES[0] or day.title(0) in {f"call to {name} failed" for name in day.names.values()}
    assert find_recall(day, tell_ours(day)) == 1.0
