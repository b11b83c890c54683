"""`mayday check`: lint, form, types and import contracts; all are run, whatever the first ones say."""

import subprocess
import sys
from pathlib import Path

import typer

from common.settings import ROOT

BIN = Path(sys.executable).parent
CHECKS = {
    "lint": ["ruff", "check", "."],
    "form": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports"],
}


def check() -> None:
    """Run the linter, the formatter's check, the type checker and the import contracts."""
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    typer.echo(f"\ncheck: {'failed: ' + ', '.join(failed) if failed else 'all passed'}")
    raise typer.Exit(1 if failed else 0)


def passes(name: str, command: list[str]) -> bool:
    typer.echo(f"--- {name}: {' '.join(command)}", err=True)
    return subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, check=False).returncode == 0
