"""What the clients of others need, installed for the run: from PyPI and npm, as their lock files pin it."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

DOORS = Path(__file__).parent
RUN_SECONDS = 300
IS_LONG_FORM = bool(os.environ.get("MAYDAY_TEST_DOORS"))
only_in_long_form = pytest.mark.skipif(not IS_LONG_FORM, reason="installs from PyPI and npm: `./mayday test doors`")


def environment_of(**added: str) -> dict[str, str]:
    """This one, without what would change how the clients send, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MAYDAY_"))}
    return kept | {"NO_COLOR": "1"} | added


async def run(command: Sequence[object], folder: Path, **environment: str) -> str:
    """What the command says, which must succeed."""
    done = await asyncio.to_thread(
        subprocess.run, [*map(str, command)], cwd=folder, env=environment_of(**environment), capture_output=True,
        text=True, check=False, timeout=RUN_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def installed_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what python.lock pins, in a venv of its own."""
    folder = tmp_path_factory.mktemp("python")
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "-qq", "--require-hashes", "-r", DOORS / "python.lock"]
    for command in ([sys.executable, "-m", "venv", folder], install):
        subprocess.run(list(map(str, command)), cwd=DOORS, check=True, timeout=600)
    return python


def require_npm() -> None:
    """Skip where there is no npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node or no npm here: on Debian install nodejs and npm")


async def install_javascript(folder: Path) -> Path:
    """The folder of the JavaScript clients, with what their lock file pins. Skips where there is no npm."""
    require_npm()
    made = Path(shutil.copytree(DOORS / "javascript", folder))
    await run(["npm", "ci", "--no-audit", "--no-fund"], made)
    return made
