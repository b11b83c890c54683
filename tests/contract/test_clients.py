"""Clients that generators of others make of the document do the main job, and are made without a warning.

The Python one in every run; `./mayday test clients` also checks its types, and does the same with a TypeScript one.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from common.keys import Scope
from common.settings import ROOT
from tests.contract.running import Running

CLIENTS = Path(__file__).parent / "clients"
BIN = Path(sys.executable).parent
DOCUMENT = ROOT / "docs/openapi.json"
is_long_form = bool(os.environ.get("MAYDAY_TEST_CLIENTS"))
only_in_long_form = pytest.mark.skipif(not is_long_form, reason="takes npm packages: `./mayday test clients`")


async def run(command: Sequence[object], folder: Path, **environment: str) -> str:
    """What the command says, which must succeed."""
    environ: Mapping[str, str] = os.environ | {"NO_COLOR": "1"} | environment
    done = await asyncio.to_thread(
        subprocess.run, [*map(str, command)], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def main_job(running: Running) -> list[str]:
    """The arguments of either program."""
    keys = [running.keys[scope] for scope in (Scope.ingest, Scope.read, Scope.admin)]
    return [running.api.url, *keys, running.ids["event_id"]]


async def test_the_python_client_does_the_main_job(running: Running, tmp_path: Path) -> None:
    generate = [BIN / "openapi-python-client", "generate", "--path", DOCUMENT, "--output-path", "client"]
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # it forms what it wrote with ruff
    assert (await run(generate, tmp_path, PATH=path)).split() == ["Generating", "client"]
    program, made = CLIENTS / "main_job.py", str(tmp_path / "client")
    if is_long_form:
        strict = [BIN / "mypy", "--strict", "--config-file", os.devnull, "--cache-dir", os.devnull, program]
        await run(strict, tmp_path, MYPYPATH=made)
    await run([sys.executable, program, *main_job(running)], tmp_path, PYTHONPATH=made)


@only_in_long_form
async def test_the_typescript_client_does_the_main_job(running: Running, tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node or no npm here: on Debian install nodejs and npm")
    folder = shutil.copytree(CLIENTS / "typescript", tmp_path / "typescript")
    await run(["npm", "ci", "--no-audit", "--no-fund"], folder)
    said = await run(["npx", "openapi-typescript", DOCUMENT, "--output", "schema.d.ts"], folder)
    assert "warn" not in said.lower(), said
    await run(["npx", "tsc"], folder)
    await run(["node", "main_job.js", *main_job(running)], folder)
