"""`mayday check`: lint, form, types, import contracts and rules of our own; all are run, whatever the first ones say."""

import subprocess
import sys
from pathlib import Path

import typer

from cli.rules import check_tree
from common.settings import ROOT

BIN = Path(sys.executable).parent
CHECKS = {
    "lint": ["ruff", "check", "."],
    "form": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports"],
}


def check() -> None:
    """Run the linter, the formatter's check, the type checker, the import contracts and our own rules."""
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    failed += [] if passes_rules() else ["rules"]
    typer.echo(f"\ncheck: {'failed: ' + ', '.join(failed) if failed else 'all passed'}")
    raise typer.Exit(1 if failed else 0)


def passes(name: str, command: list[str]) -> bool:
    typer.echo(f"--- {name}: {' '.join(command)}", err=True)
    return subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, check=False).returncode == 0


def passes_rules() -> bool:
    typer.echo("--- rules: cli/rules.py", err=True)
    findings = check_tree(ROOT)
    for finding in findings:
        typer.echo(str(finding))
    return not findings
