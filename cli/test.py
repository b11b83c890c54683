"""`mayday test`: the tests, against a Postgres and a Valkey that they start themselves."""

import subprocess
import sys

import typer

from common.settings import ROOT


def test(context: typer.Context) -> None:
    """Run the tests; what follows goes to pytest (`mayday test -k writer`)."""
    command = [sys.executable, "-m", "pytest", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
