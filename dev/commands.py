"""The developers' commands of `mayday`, each in a module of its own."""

import typer

from cli.developing import ANYTHING
from dev import benches, check, docs, test


def add_commands(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command("check")(check.check)
    app.command("docs")(docs.docs)
    app.command("bench", context_settings=ANYTHING)(benches.bench)
    app.command("test", context_settings=ANYTHING)(test.test)
