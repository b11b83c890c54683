"""`mayday resolve`, `ignore` and `reopen`: what people decide about a pattern. Each says how it is taken back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from api.reads.cells import show_unseen
from cli.client import AdminKey, Url, connected
from cli.lengths import parse_length
from cli.looking.references import find_pattern_id, shorten
from cli.output import Json, is_terminal, print_block, print_json, print_lines
from common.keys import Scope
from common.settings import Settings

Pattern = Annotated[str, typer.Argument(metavar="PATTERN", help="Id, part of one, or a number of the last list.")]
Note = Annotated[str | None, typer.Option(help="For those who look here next.")]


def resolve(
    pattern: Pattern,
    in_next_release: Annotated[
        bool, typer.Option("--in-next-release", help="The release after the newest that was sent has the fix.")
    ] = False,
    in_release: Annotated[str | None, typer.Option(help="This release has the fix.")] = None,
    note: Note = None,
    as_json: Json = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Say that a pattern is fixed. The next error of it is a regression; of a release, where one was said."""
    if in_next_release and in_release is not None:
        raise typer.BadParameter("--in-next-release and --in-release cannot be said at once: --in-release says more")
    fix = {"in_next_release": True} if in_next_release else {"in_release": in_release} if in_release else {}
    decide(pattern, {"state": "resolved", **fix}, note, as_json, url, key)


def ignore(
    pattern: Pattern,
    span: Annotated[
        timedelta | None,
        typer.Option("--for", parser=parse_length, metavar="LENGTH", help="For so long, as 12h or 30d."),
    ] = None,
    errors: Annotated[int | None, typer.Option(min=1, help="Until so many more errors came.")] = None,
    note: Note = None,
    as_json: Json = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Say that a pattern is of no interest: for ever, for a while, or until so many more errors came."""
    until = {"until": (datetime.now(UTC) + span).isoformat()} if span else {}
    decide(pattern, {"state": "ignored", **until, **({"errors": errors} if errors else {})}, note, as_json, url, key)


def reopen(pattern: Pattern, note: Note = None, as_json: Json = False, url: Url = None, key: AdminKey = None) -> None:
    """Take back that a pattern is resolved or ignored."""
    decide(pattern, {"state": "open"}, note, as_json, url, key)


def decide(
    reference: str, change: dict[str, Any], note: str | None, as_json: bool, url: str | None, key: str | None
) -> None:
    """Send the change and say of which pattern it was, by its title: a number may mean another one than one thought."""
    with connected(Scope.admin, url, key) as api:
        pattern_id = find_pattern_id(api, Settings.load(), reference)
        decided = api.patch(f"/api/errors/patterns/{pattern_id}", change | ({"note": note} if note else {}))
        if as_json:
            print_json(decided)
            return
        title = show_unseen(api.get(f"/api/errors/patterns/{decided['id']}")["title"])
    if is_terminal():
        print_block(f"{change['state']}: {title}")
    else:
        print_lines([[change["state"], decided["id"], title]])
    if change["state"] != "open":
        typer.echo(f"taken back by: ./mayday reopen {shorten(decided['id'])}", err=True)
