"""Alerts and dashboard: of metrics that there are, in queries that Prometheus reads, each alert with its answer."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.settings import ROOT
from common.telemetry.metrics import CATALOG

PROMETHEUS = ROOT / "deploy/prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/mayday.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
NAME = re.compile(r"\bmayday_[a-z_]+")
SELECTED = re.compile(r"(mayday_[a-z_]+)\{([^}]*)\}")
TARGET_LABELS = {"job", "instance", "le"}


def promtool(*arguments: str | Path) -> str:
    if shutil.which("promtool") is None:
        pytest.skip("there is no promtool here; Debian has it in its package prometheus")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def declared() -> dict[str, set[str]]:
    """The names that Prometheus keeps a metric under, with its labels."""
    ends = {"histogram": ("_bucket", "_sum", "_count")}
    return {
        family.name + end: set(family.labels) for family in CATALOG.families for end in ends.get(family.kind, ("",))
    }


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_every_query_asks_for_metrics_and_labels_that_are_declared(query: str) -> None:
    known = declared()
    assert [name for name in NAME.findall(query) if name not in known] == []
    for name, labels in SELECTED.findall(query):
        assert set(re.findall(r"(\w+)\s*(?:=~|!=|=)", labels)) <= known[name] | TARGET_LABELS


def test_every_alert_has_a_section_in_the_runbook_and_every_section_an_alert() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert sections == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_every_alert_is_tried() -> None:
    tried = (PROMETHEUS / "alerts_test.yml").read_text()
    assert [rule["alert"] for rule in RULES if f'alertname="{rule["alert"]}"' not in tried] == []


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for query in QUERIES for name in NAME.findall(query)}
    assert {family.name for family in CATALOG.families} - shown == set()


def test_alerts_fire_when_they_must_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", PROMETHEUS / "alerts_test.yml")


def test_prometheus_reads_its_configuration_and_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(QUERIES)} rules found" in promtool("check", "rules", path)
