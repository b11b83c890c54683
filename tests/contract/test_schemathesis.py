"""What schemathesis finds when it asks a running API all that the document allows, and what it forbids.

The suite has the short form, with few cases of each operation. `./mayday test contract` is the long one: every phase,
repeated with several seeds until MAYDAY_TEST_CONTRACT_SECONDS (a quarter of an hour) are over.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.keys import Scope
from common.settings import ROOT
from tests.contract.running import Running

SECONDS = int(os.environ.get("MAYDAY_TEST_CONTRACT_SECONDS", "0"))
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
SHORT = [(Scope.admin, 1, "examples,fuzzing,stateful"), (None, 2, "fuzzing")]
LONG = [
    (Scope.admin, 1, "examples,coverage,fuzzing,stateful"),
    (Scope.admin, 2, "fuzzing,stateful"),
    (Scope.read, 3, "examples,fuzzing"),
    (None, 4, "examples,coverage,fuzzing"),
]
RUNS = LONG if SECONDS else SHORT


@pytest.mark.parametrize(("scope", "seed", "phases"), RUNS)
async def test_schemathesis_finds_nothing(
    running: Running, tmp_path: Path, scope: Scope | None, seed: int, phases: str
) -> None:
    command = [str(SCHEMATHESIS), "--config-file", str(CONFIGURATION), "run", str(ROOT / "docs/openapi.json")]
    command += ["--url", running.api.url, "--seed", str(seed), "--phases", phases, "--workers", "2"]
    command += ["--max-time", str(SECONDS // len(RUNS))] if SECONDS else ["--max-examples", "2"]
    if scope is not None:
        command += ["--header", f"Authorization:Bearer {running.keys[scope]}"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False)
    print(done.stdout)  # noqa: T201 - the long form shows it
    assert done.returncode == 0, done.stdout + done.stderr
