"""`mayday bench`: benches of load in `dev/bench/`, evaluations in `dev/evaluation/`, each a module with a `main`."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import typer

KINDS = (
    "agents", "alerts", "all", "curve", "doors", "grouping", "ingest", "isolation", "memory", "pages", "patterns", "peaks",
    "projection", "reads", "redaction", "report", "scaling", "statements", "trends",
)  # fmt: skip


def bench(context: typer.Context, kind: str) -> None:
    """Run a benchmark by its name. What follows goes to it: `bench grouping --data DIR`."""
    if kind not in KINDS:
        typer.echo(f"there is no benchmark {kind!r}: there are {', '.join(KINDS)}", err=True)
        raise typer.Exit(2)
    run(kind, context.args)


def run(kind: str, arguments: Sequence[str]) -> None:
    """Run one with its own arguments; it prints its tables. Raises SystemExit when a check of it fails."""
    names = [f"dev.{room}.{kind}" for room in ("bench", "evaluation")]
    import_module(next(filter(find_spec, names))).main(arguments)
