"""How our own commands find a running Mayday and a key for it."""

import os
from typing import Annotated

import typer

from cli.state import read_env, read_state
from common.settings import Settings

Url = Annotated[str | None, typer.Option(help="Where Mayday listens. Default: as it runs here.")]


def find_address(settings: Settings) -> str:
    """Where the API is: as the environment says, else that of the Mayday that runs on this home, else by the defaults."""
    told = {**read_state(settings.home), **os.environ}
    places = {"host": "MAYDAY_HOST", "port": "MAYDAY_PORT"}
    return address_of(Settings.load(**{name: told[variable] for name, variable in places.items() if variable in told}))


def address_of(settings: Settings) -> str:
    """Where to reach the API from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings.port}"


def find_public_url() -> str:
    """Where senders reach the API: MAYDAY_PUBLIC_URL, else its address here."""
    settings = Settings.load()
    return settings.public_url or find_address(settings)


def find_key(name: str, given: str | None, settings: Settings) -> str:
    """The key that was given, else that of the environment, else that of keys.env; exits 2 when there is none."""
    key = given or os.environ.get(name) or read_env(settings.keys_file).get(name)
    if not key:
        typer.echo(
            f"no key: give --key, set {name}, or run `./mayday up` once, which writes {settings.keys_file}", err=True
        )
        raise typer.Exit(2)
    return key
