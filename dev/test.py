"""`mayday test`: the tests, against a Postgres and a Valkey that they start themselves."""

import os
import subprocess
import sys

import typer

from common.settings import ROOT

CONTRACT_SECONDS = os.environ.get("MAYDAY_TEST_CONTRACT_SECONDS", "900")
# Three processes, each with servers of its own, two of them for programs (tests/conftest.py), whose tests wait for most of
# their time: two cores are busy with it. One process where the servers are someone's.
PROCESSES = (
    [] if os.environ.get("MAYDAY_TEST_REDIS_URL") else ["-n", "3", "--dist", "loadgroup", "--no-loadscope-reorder"]
)
WHOLE_MAX_SECONDS = 2_400  # five times what it takes: a test that waits for ever has told where after two minutes
# Those that are no tests of pytest's, but runs that tell as they go.
RUNS = {"chaos": "tests.chaos", "nights": "tests.nights"}
# What a first word stands for, and none: its environment, and what goes to pytest.
KINDS: dict[str, tuple[dict[str, str], list[str]]] = {
    "": ({}, PROCESSES),
    "agents": ({"MAYDAY_TEST_AGENTS": "1"}, ["tests/api/agents", "tests/cli/test_mcp.py", "-rP"]),
    "alerts": (
        {"MAYDAY_TEST_ALERTS": "10000", "MAYDAY_TEST_REPLAY_DAYS": "14"},
        ["tests/chaos/test_alerts.py", "tests/flow/test_alerts_replay.py", "-rP", "-o", "faulthandler_timeout=0"],
    ),
    "attacks": (
        {"MAYDAY_TEST_ATTACKS": "long"},
        ["tests/attacks", "tests/system/test_hostile.py", "-rP", "-o", "faulthandler_timeout=0"],
    ),
    "lane": ({"MAYDAY_TEST_OVER_SOCKETS": "1", "MAYDAY_FAST_LANE": "on"}, ["tests/flow"]),
    "routed": ({"MAYDAY_TEST_OVER_SOCKETS": "1", "MAYDAY_FAST_LANE": "off"}, ["tests/flow"]),
    "pooled": ({"MAYDAY_DATABASE_POOLER": "transaction"}, ["tests/flow"]),
    "clients": ({"MAYDAY_TEST_CLIENTS": "1"}, ["tests/contract/test_clients.py"]),
    "doors": ({"MAYDAY_TEST_DOORS": "1"}, ["tests/doors", "-rP", "-o", "faulthandler_timeout=0"]),
    "contract": (
        {"MAYDAY_TEST_CONTRACT_SECONDS": CONTRACT_SECONDS},
        ["tests/contract/test_schemathesis.py", "-rP", "-o", "faulthandler_timeout=0"],
    ),
    "distinct": (
        {"MAYDAY_TEST_DISTINCT_ERRORS": "1000000"},
        ["tests/chaos/test_distinct.py", "-rP", "-o", "faulthandler_timeout=0"],
    ),
    "screenshots": ({}, ["tests/browser/screenshots.py"]),
    "containers": ({}, ["tests/containers/on_podman.py", "-rPs", "-o", "faulthandler_timeout=0"]),
    "failover": (
        {"MAYDAY_TEST_FAILOVERS": os.environ.get("MAYDAY_TEST_FAILOVERS", "20")},
        ["tests/failover", "-rP", "-o", "faulthandler_timeout=0"],
    ),
    "fleet": ({}, ["tests/fleet/many.py", "-rP", "-o", "faulthandler_timeout=0"]),
    "upgrade": ({}, ["tests/fleet/upgrade.py", "-rP", "-o", "faulthandler_timeout=0"]),
}


def test(context: typer.Context) -> None:
    """Run the tests; what follows goes to pytest (`mayday test -k writer`).

    `mayday test lane`, `routed`: the flow tests over sockets, with the fast lane and without it. `mayday test pooled`:
    the flow tests through PgBouncer in transaction mode. `mayday test chaos`: the long form of
    the chaos run, a quarter of an hour; with `--docs` its figures go into docs/reliability.md. `mayday test distinct`:
    a million errors, each with a message and a service of its own, some minutes. `mayday test nights`: a Prometheus on the
    shipped alerts, which may not fire in half an hour of restarts and upgrades (`--minutes 5`: less), and fire when their
    causes are made true. `mayday test fleet`:
    three API processes and three workers, killed and added under load for two minutes. `mayday test failover`: a Postgres and
    a Redis die under load, twenty times each, and their standbys take over; some ten minutes. `mayday test upgrade`: the
    programs of the release before run on our schema, and are taken over from, under load; it takes a clone with history.
    `mayday test contract`: the long form of schemathesis, MAYDAY_TEST_CONTRACT_SECONDS long (900). `mayday test
    attacks`: the long form of what strangers and hostile clients try, some minutes. `mayday test clients`: a Python and
    a TypeScript client (which takes node and npm) are made, type-checked, and do the main job. `mayday test containers`:
    the Dockerfile is built and compose.yaml brought up under podman, used, and taken down; some minutes.
    `mayday test doors`: SDKs, exporters and shippers of others, where they are installed, send what fails, with what they need
    from PyPI and npm; it takes node, npm and chromium.
    `mayday test agents`: the official Python and TypeScript clients of MCP and the protocol's conformance suite, from npm, beside
    what the suite has of agents; it takes node and npm.
    `mayday test alerts`: ten thousand messages are owed while workers are killed and receivers fail, and a fortnight is
    replayed beside its preview.
    `mayday test screenshots`: the pictures of docs/pages.md are made anew, by Chromium.
    """
    kind, *rest = context.args or [""]
    if kind in RUNS:
        command = [sys.executable, "-m", RUNS[kind], *rest]
        raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
    environment, arguments = KINDS.get(kind, ({}, [kind]))
    command = [sys.executable, "-m", "pytest", *arguments, *rest]
    limit = None if kind else WHOLE_MAX_SECONDS
    try:
        ended = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        sys.exit(f"mayday: the tests did not end within {limit} s: a traceback above says where one waits")
    raise typer.Exit(ended.returncode)
