"""`mayday secret-key`: the key that seals the secrets of channels in Postgres, and how it is changed for another."""

import asyncio
from typing import TYPE_CHECKING

import typer

from cli.examples import examples
from cli.migrate import failing_in_a_sentence
from cli.state import find_database, load_settings
from common.alerts.channels import reseal_all
from common.database import make_engine
from common.sealing import NotOpened, Sealer, SecretKeyMissing, make_secret_key

if TYPE_CHECKING:
    from common.settings import Settings

secret_key_app = typer.Typer(
    no_args_is_help=True,
    help="Make the key that seals secrets, and seal them anew.",
    epilog=examples("secret-key create", "secret-key reseal"),
)


@secret_key_app.command(epilog=examples("secret-key create"))
def create() -> None:
    """Print a new key, for MAYDAY_SECRET_KEY of API and worker. Nothing is changed by it."""
    typer.echo(make_secret_key())


@secret_key_app.command(epilog=examples("secret-key reseal    # with MAYDAY_SECRET_KEY=new,old"))
def reseal() -> None:
    """Seal all secrets with the first key of MAYDAY_SECRET_KEY. After it the others may go.

    Exits 1 where one was sealed with a key that is not among them: run it again with that key too.
    """
    with failing_in_a_sentence():
        database, secret_key = find_database(), load_settings().secret_key
    try:
        count = asyncio.run(reseal_on(database, Sealer.of(secret_key)))
    except (SecretKeyMissing, NotOpened) as error:
        typer.echo(f"mayday: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"sealed {count} channels with the first key: the others may be taken out of MAYDAY_SECRET_KEY")


async def reseal_on(settings: "Settings", sealer: Sealer) -> int:
    engine = make_engine(settings, "cli", pool_size=1)
    try:
        return await reseal_all(engine, sealer)
    finally:
        await engine.dispose()
