"""Programs with exporters of others, run against an API of ours; those of npm are installed for it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.chaos.programs import Api
from tests.doors.installing import require_npm, run

CLIENTS = Path(__file__).parent / "clients"


def exporting_to(api: Api, key: str, **more: str) -> dict[str, str]:
    """What an operator sets: the variables of docs/otlp.md."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": api.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{key}",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.2,deployment.environment.name=prod",
        **more,
    }


async def run_python(program: str, to_do: str, environment: Mapping[str, str], python: str = sys.executable) -> str:
    """A program of `clients/`, with one thing to do."""
    return await run([python, CLIENTS / program, to_do], CLIENTS, **environment)


async def install_npm(packages: Sequence[str], folder: Path) -> None:
    """Packages of npm for programs in this folder."""
    require_npm()
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    await run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages], folder)


async def install_pypi(packages: Sequence[str], folder: Path) -> str:
    """A Python with these packages, in an environment of its own; its path."""
    await run([sys.executable, "-m", "venv", folder], folder.parent)
    python = folder / "bin" / "python"
    await run([python, "-m", "pip", "install", "--quiet", *packages], folder)
    return str(python)
