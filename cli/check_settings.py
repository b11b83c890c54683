"""`mayday check-settings`: what the programs would refuse at their start, said before Postgres is made with it."""

import typer

from cli.migrate import failing_in_a_sentence
from common.settings import Settings


def check_settings() -> None:
    """Say whether api and worker would start with the settings of this environment, passwords among them.

    Opens and starts nothing. Exits 2 with a line for each setting that is wrong. compose.yaml runs it before the stores:
    the password that Postgres is first started with stays in its volume.
    """
    with failing_in_a_sentence():
        Settings.load().require("database_url", "cache_url", "queue_url").refuse_weak(["read_database_url"])
    typer.echo("the settings can be used")
