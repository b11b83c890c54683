"""Programs with exporters of others, run against an API of ours; those of npm are installed for it."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.chaos.programs import Api

CLIENTS = Path(__file__).parent / "clients"
is_long_form = bool(os.environ.get("MAYDAY_TEST_DOORS"))
only_in_long_form = pytest.mark.skipif(not is_long_form, reason="takes packages of npm and PyPI: `./mayday test doors`")


def exporting_to(api: Api, key: str, **more: str) -> dict[str, str]:
    """What an operator sets: the variables of docs/otlp.md."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": api.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{key}",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.2,deployment.environment.name=prod",
        **more,
    }


async def run(command: Sequence[object], folder: Path, environment: Mapping[str, str]) -> str:
    """What the command says, which must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MAYDAY_"))}
    done = await asyncio.to_thread(
        subprocess.run, [*map(str, command)], cwd=folder, env=kept | dict(environment), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


async def run_python(program: str, to_do: str, environment: Mapping[str, str], python: str = sys.executable) -> str:
    """A program of `clients/`, with one thing to do."""
    return await run([python, CLIENTS / program, to_do], CLIENTS, environment)


async def install_npm(packages: Sequence[str], folder: Path) -> None:
    """Packages of npm for programs in this folder."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node or no npm here: on Debian install nodejs and npm")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    await run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages], folder, {})


async def install_pypi(packages: Sequence[str], folder: Path) -> str:
    """A Python with these packages, in an environment of its own; its path."""
    await run([sys.executable, "-m", "venv", folder], folder.parent, {})
    python = folder / "bin" / "python"
    await run([python, "-m", "pip", "install", "--quiet", *packages], folder, {})
    return str(python)
