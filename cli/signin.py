"""`mayday signin`: a link that signs a browser in to the pages, once."""

import typer

from cli.client import AdminKey, Api, Url, connected
from common.keys import Scope
from common.settings import Settings


def signin(url: Url = None, key: AdminKey = None) -> None:
    """Print a link that signs in once, within an hour, to the pages of the key's project, with what the key may do.

    Whoever opens it first is in. A key that may only read, or triage, makes a link for somebody who may only do that.
    """
    with connected(Scope.admin, url, key) as api:
        typer.echo(make_link(api, Settings.load().public_url))


def make_link(api: Api, public_url: str) -> str:
    """A new link, at the address at which others reach the API where one is set. Raises ApiFailed."""
    path = api.post("/api/signin-links", {})["path"]
    return f"{(public_url or str(api.http.base_url)).rstrip('/')}{path}"
