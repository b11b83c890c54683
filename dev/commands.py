"""The developers' commands of `mayday`, each in a module of its own."""

import typer

from cli.developing import ANYTHING
from cli.examples import examples
from dev import benches, check, docs, test


def add_commands(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command("check", epilog=examples("check"))(check.check)
    app.command("docs", epilog=examples("docs", "docs --accept-breaks"))(docs.docs)
    app.command("bench", context_settings=ANYTHING, epilog=examples("bench all"))(benches.bench)
    app.command("test", context_settings=ANYTHING, epilog=examples("test", "test tests/cli -k pty", "test chaos"))(
        test.test
    )
