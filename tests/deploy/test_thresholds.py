"""What the alerts' thresholds and windows hang on: the intervals of scrapes, of looks and of jobs, at every phase of them."""

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.status.watching import LOOK_TAKES_SECONDS, WATCH_SECONDS, seen_limits
from common.settings import Settings
from common.telemetry.freshness import late_limits
from tests.deploy.test_alerts import PROMETHEUS, RULES, promtool
from worker.schedule import PARTITIONS_AHEAD_DAYS, UPKEEP_SECONDS

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
GLOBAL: dict[str, str] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["global"]
SETTINGS = Settings()
LASTS_SECONDS = 300
# As it was: the age at the evaluation, with the scrape's and the look's on top, against two periods of the fold.
AS_IT_WAS = {
    "alert": "AsItWas",
    "expr": "time() - max by (job_name) (mayday_job_last_success_timestamp_seconds) > 10",
    "for": "30s",
}


def seconds_of(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


SCRAPE_SECONDS, EVALUATION_SECONDS = (seconds_of(GLOBAL[f"{name}_interval"]) for name in ("scrape", "evaluation"))


def rule(alert: str) -> dict[str, Any]:
    [found] = [one for one in RULES if one["alert"] == alert]
    return found


@pytest.mark.parametrize("alert", [one["alert"] for one in RULES])
def test_every_window_holds_four_scrapes(alert: str) -> None:
    windows = re.findall(r"\[(\d+[smhd])(?::\d+[smhd])?\]", rule(alert)["expr"])
    assert all(seconds_of(window) >= 4 * SCRAPE_SECONDS for window in windows)


def test_an_age_is_taken_at_the_scrape_so_that_it_does_not_hang_on_how_often_one_scrapes() -> None:
    ages = [one for one in RULES if re.search(r"mayday_(job_last_success|folded_until)\w*", one["expr"])]
    assert {one["alert"] for one in ages} == {"MaydayWorkerLate", "MaydayCountsLag"}
    assert all("timestamp(" in one["expr"] and "time() -" not in one["expr"] for one in ages)


def test_counts_lag_when_the_fold_is_late_and_not_before() -> None:
    [threshold] = re.findall(r"> (\d+)", rule("MaydayCountsLag")["expr"])
    assert int(threshold) >= 2 * seen_limits(SETTINGS)["fold"]


def test_a_program_that_was_replaced_is_not_asked_for_as_long_as_it_takes_to_call_it_down() -> None:
    scrapes = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    lookup = max(seconds_of(one["dns_sd_configs"][0]["refresh_interval"]) for one in scrapes)
    assert seconds_of(rule("MaydayApiDown")["for"]) > lookup + SCRAPE_SECONDS + EVALUATION_SECONDS


def test_a_day_that_upkeep_has_yet_to_make_is_none_that_is_missing() -> None:
    assert seconds_of(rule("MaydayPartitionsMissing")["for"]) > UPKEEP_SECONDS + SETTINGS.job_max_seconds
    assert seconds_of(rule("MaydayErrorsWithoutDay")["for"]) > UPKEEP_SECONDS + SETTINGS.job_max_seconds
    assert PARTITIONS_AHEAD_DAYS > 2


def test_a_job_that_runs_seldom_has_run_twice_in_the_window_of_its_failures() -> None:
    windows = [seconds_of(window) for window in re.findall(r"\[(\d+m)\]", rule("MaydayJobFailing")["expr"])]
    assert max(windows) > 2 * UPKEEP_SECONDS + SETTINGS.job_max_seconds


def told_by_phase(ends: Iterable[int], look: int, scrape: int) -> Iterator[str]:
    """What a scrape finds in each second, `_` where none is: the last end of a run before the last look before it."""
    pause, ends = int(WATCH_SECONDS), sorted(ends)
    for second in range(LASTS_SECONDS):
        if second % SCRAPE_SECONDS != scrape:
            yield "_"
            continue
        looked = second - (second - look) % pause
        yield str(max((end for end in ends if end <= looked), default=0))


def phases(every_seconds: int, stops_at: int = LASTS_SECONDS) -> dict[str, str]:
    """Values by the name of a job of its own for each relation of fold, look and scrape to the evaluations."""
    pause = int(WATCH_SECONDS)
    named = {}
    for fold, look, scrape in itertools.product(range(every_seconds), range(pause), range(SCRAPE_SECONDS)):
        ends = range(fold - every_seconds, stops_at, every_seconds)
        named[f"fold-{fold}-{look}-{scrape}"] = " ".join(told_by_phase(ends, look, scrape))
    return named


def count_firing(folder: Path, alert: str, named: dict[str, str], at_seconds: Iterable[int], firing: int) -> None:
    """That so many of the jobs fire at each of these moments, by a real Prometheus' own evaluation."""
    limit, rules = seen_limits(SETTINGS)["fold"], folder / "rules.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": [*RULES, AS_IT_WAS]}]}))
    series = [
        {"series": f'{metric}{{job_name="{job}"}}', "values": values}
        for job, told in named.items()
        for metric, values in (
            ("mayday_job_last_success_timestamp_seconds", told),
            ("mayday_job_late_after_seconds", f"{limit}x{LASTS_SECONDS}"),
        )
    ]
    asked = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    expected = [{"labels": "{}", "value": firing}] if firing else []
    looks = [{"expr": asked, "eval_time": f"{second}s", "exp_samples": expected} for second in at_seconds]
    tests = [{"name": alert, "interval": "1s", "input_series": series, "promql_expr_test": looks}]
    (folder / "test.yml").write_text(
        yaml.safe_dump(
            {"rule_files": [str(rules)], "evaluation_interval": GLOBAL["evaluation_interval"], "tests": tests}
        )
    )
    assert "SUCCESS" in promtool("test", "rules", folder / "test.yml")


FROM_THE_SECOND_MINUTE = range(120, LASTS_SECONDS, EVALUATION_SECONDS)


@pytest.mark.parametrize("every_seconds", [SETTINGS.fold_every_seconds, int(late_limits(SETTINGS)["fold"])])
def test_a_worker_that_is_not_late_fires_at_no_phase_of_fold_look_and_scrape(
    tmp_path: Path, every_seconds: int
) -> None:
    count_firing(tmp_path, "MaydayWorkerLate", phases(every_seconds), FROM_THE_SECOND_MINUTE, 0)


def test_the_alert_as_it_was_fired_at_many_phases_with_nothing_late(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="AsItWas"):
        count_firing(tmp_path, "AsItWas", phases(SETTINGS.fold_every_seconds), FROM_THE_SECOND_MINUTE, 0)


def test_a_worker_that_stopped_fires_at_every_phase(tmp_path: Path) -> None:
    stopped, jobs = 150, phases(SETTINGS.fold_every_seconds, stops_at=150)
    seen = seen_limits(SETTINGS)["fold"] + seconds_of(rule("MaydayWorkerLate")["for"])
    latest = int(stopped + seen + SCRAPE_SECONDS + 2 * EVALUATION_SECONDS)
    assert LOOK_TAKES_SECONDS < SCRAPE_SECONDS
    count_firing(tmp_path, "MaydayWorkerLate", jobs, [latest], len(jobs))
