"""The dashboard of programs that have just begun: what is nothing shows 0, and nothing of a program that is not there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.settings import ROOT
from tests.deploy.test_alerts import DASHBOARD, promtool

# What has no value while nothing happened: a time that nothing took, an age that nothing has, a share of nothing.
WITHOUT_VALUE = ("histogram_quantile", "time() -", "_sum[", "_sum{", "mayday_reads_total{source", 'way="lane"')
SET_BY_RUNNING = ("mayday_job_late_after_seconds", "mayday_pool_connections")  # as soon as they have settings and pools
TELL = """
from prometheus_client import generate_latest
from common.telemetry.metrics import CATALOG
print(generate_latest(CATALOG.registry).decode())
"""


def told_at_start() -> list[dict[str, str]]:
    """The series of both programs before anything happened, and that both were asked."""
    done = subprocess.run([sys.executable, "-c", TELL], cwd=ROOT, capture_output=True, text=True, check=True)
    told = [line.rpartition(" ")[0] for line in done.stdout.splitlines() if line and not line.startswith("#")]
    asked = [f'up{{job="mayday-{program}"}}' for program in ("api", "worker")]
    cpu = [f'process_cpu_seconds_total{{job="mayday-{program}", instance="a"}}' for program in ("api", "worker")]
    return [{"series": one, "values": "0x60"} for one in (*told, *cpu)] + [
        {"series": one, "values": "1x60"} for one in asked
    ]


def count_series(folder: Path, series: list[dict[str, str]], queries: dict[str, str], *, expected: bool) -> None:
    """That each query has a series, or none, by a real Prometheus' own evaluation."""
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": []}))
    looks: list[dict[str, Any]] = [
        {
            "expr": f"count({query.replace('$__rate_interval', '1m')}) > bool 0",
            "eval_time": "10m",
            "exp_samples": [{"labels": "{}", "value": 1}] if expected else [],
        }
        for query in queries.values()
    ]
    test = {"interval": "15s", "input_series": series, "promql_expr_test": looks}
    (folder / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]}))
    assert "SUCCESS" in promtool("test", "rules", folder / "test.yml")


QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
}
COUNTS = {
    name: query
    for name, query in QUERIES.items()
    if not any(words in query for words in (*WITHOUT_VALUE, *SET_BY_RUNNING))
}


def test_a_panel_that_counts_shows_nought_before_anything_happened(tmp_path: Path) -> None:
    assert len(COUNTS) >= 24
    count_series(tmp_path, told_at_start(), COUNTS, expected=True)


def test_no_panel_shows_nought_where_no_program_is_asked(tmp_path: Path) -> None:
    count_series(tmp_path, [], QUERIES, expected=False)


@pytest.mark.parametrize("title", ["Hit ratio by answer A", "Taken by the fast lane A", "Reads from the cache A"])
def test_a_share_of_which_there_is_nothing_is_nought(tmp_path: Path, title: str) -> None:
    series = [
        {"series": 'mayday_reads_total{answer="recent", source="miss"}', "values": "0+1x60"},
        {"series": 'mayday_requests_total{method="GET", way="routes"}', "values": "0+1x60"},
    ]
    count_series(tmp_path, series, {title: f"({QUERIES[title]}) == 0"}, expected=True)
