"""The commands of developers, which `dev/` has: a clone holds it, the image does not.

The one place that knows of `dev/`, and only when a command line is made.
"""

from pathlib import Path

import typer

ROOT = Path(__file__).parent.parent  # not by the settings, which take a while to import
NAMES = ("bench", "check", "docs", "test")
ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}  # what follows goes to another program


def add_developers_commands(app: typer.Typer) -> None:
    """Add them, or, where `dev/` is not there, commands of their names that say so."""
    if (ROOT / "dev").is_dir():
        from dev.commands import add_commands

        add_commands(app)
        return
    for name in NAMES:
        app.command(name, hidden=True, context_settings=ANYTHING)(refuse)


def refuse(context: typer.Context) -> None:
    """Exit 2: this is no clone."""
    typer.echo(f"mayday: {context.info_name} needs a clone of the repository: what it runs is not here", err=True)
    raise typer.Exit(2)
