"""`mayday bench`: the benchmarks, each a module of `bench/` with a `main` of its own."""

from importlib import import_module

import typer

KINDS = (
    "all", "curve", "grouping", "ingest", "isolation", "memory", "patterns", "peaks", "projection", "reads", "redaction",
    "report", "scaling", "trends",
)  # fmt: skip


def bench(context: typer.Context, kind: str) -> None:
    """Run a benchmark by its name. What follows goes to it: `bench grouping --data DIR`."""
    if kind not in KINDS:
        typer.echo(f"there is no benchmark {kind!r}: there are {', '.join(KINDS)}", err=True)
        raise typer.Exit(2)
    import_module(f"bench.{kind}").main(context.args)
