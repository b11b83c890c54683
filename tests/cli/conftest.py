"""A Mayday behind a socket, and our command line as a user has it: with MAYDAY_URL and MAYDAY_KEY, in a home of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.settings import ROOT
from tests.cli.terminals import run_in_terminal
from tests.conftest import Project, Service
from tests.listening import listening

ERROR = {"service": "shop", "severity": "error", "message": "payment 4711 failed: card declined"}


@dataclass(frozen=True, slots=True)
class Mayday:
    """The service, a project of it, and the environment of a user of that project."""

    service: Service
    project: Project
    environment: dict[str, str]

    async def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with pipes."""
        command = [sys.executable, "-P", "-m", "cli", *arguments]

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

        return await asyncio.to_thread(run)

    async def plain(self, *arguments: str) -> list[list[str]]:
        """The cells of the lines that a command that goes well prints into a pipe."""
        done = await self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    async def show(self, *arguments: str, columns: int = 160) -> str:
        """What a command that goes well shows on a terminal, with its colours."""
        status, shown = await asyncio.to_thread(run_in_terminal, arguments, self.environment, columns=columns)
        assert status == 0, shown
        return shown

    async def fail(self, *arguments: str) -> tuple[int, str]:
        """How a command that fails ends, and what it says."""
        done = await self.run(*arguments)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr


@pytest.fixture
async def mayday(service: Service, tmp_path: Path) -> AsyncIterator[Mayday]:
    project = await service.project()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAYDAY_")}
    async with listening(service.app, service.state) as port:
        key = project.admin.headers["Authorization"].removeprefix("Bearer ")
        told = {"MAYDAY_URL": f"http://127.0.0.1:{port}", "MAYDAY_KEY": key, "MAYDAY_HOME": str(tmp_path)}
        yield Mayday(service, project, {**kept, **told, "PYTHONPATH": str(ROOT), "TZ": "UTC"})
        await asyncio.sleep(0.3)  # until the server has heard that its clients are gone
