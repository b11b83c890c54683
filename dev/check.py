"""`mayday check`: lint, form, types, import contracts, rules of our own and breaks of the HTTP contract; all are run,
whatever the first ones say."""

import json
import subprocess
import sys
from pathlib import Path

import typer

from common.settings import ROOT
from dev.contract_breaks import find_breaks
from dev.rules import check_tree

BIN = Path(sys.executable).parent
CHECKS = {
    "lint": ["ruff", "check", "."],
    "form": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports"],
}


CONTRACT = ROOT / "docs/openapi.json"
ACCEPTED_CONTRACT = ROOT / "docs/openapi.accepted.json"


def check() -> None:
    """Run the linter, the formatter's check, the type checker, the import contracts, our own rules, and look for what
    would break clients of the HTTP contract that was accepted last."""
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    failed += [] if passes_rules() else ["rules"]
    failed += [] if passes_contract() else ["contract"]
    typer.echo(f"\ncheck: {'failed: ' + ', '.join(failed) if failed else 'all passed'}")
    raise typer.Exit(1 if failed else 0)


def passes(name: str, command: list[str]) -> bool:
    typer.echo(f"--- {name}: {' '.join(command)}", err=True)
    return subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, check=False).returncode == 0


def passes_rules() -> bool:
    typer.echo("--- rules: dev/rules.py", err=True)
    findings = check_tree(ROOT)
    for finding in findings:
        typer.echo(str(finding))
    return not findings


def passes_contract() -> bool:
    typer.echo("--- contract: dev/contract_breaks.py", err=True)
    breaks = find_breaks(json.loads(ACCEPTED_CONTRACT.read_text()), json.loads(CONTRACT.read_text()))
    for found in breaks:
        typer.echo(found)
    if breaks:
        typer.echo(
            "clients would break. If that is meant: say it in CHANGELOG.md, then `./mayday docs --accept-breaks`"
        )
    return not breaks
