"""`mayday usage what-if` and `mayday usage caching`: recorded calls priced elsewhere, and what caching was worth."""

from typing import Annotated, Any, Literal

import typer

from cli.client import ReadKey, Url, connected
from cli.output import Column, Json, Rows, is_terminal, print_hint, print_json, print_rows, show_count
from common.keys import Scope

# As the API has them, whose own lists take a second to import; a test holds the two together.
Group = Literal["model", "team", "agent"]
Mode = Literal["standard", "batch", "flex", "priority", "fast"]

Since = Annotated[str | None, typer.Option(help="First UTC day, as 2026-02-01. Default: thirty days back.")]
Until = Annotated[str | None, typer.Option(help="The UTC day after the last one. Default: all of today.")]
Team = Annotated[str | None, typer.Option(help="Of this team only.")]
Agent = Annotated[str | None, typer.Option(help="Of this agent only.")]
Model = Annotated[str | None, typer.Option(help="Of this model only, in any spelling.")]
By = Annotated[Group, typer.Option(help="What the rows are.")]


def show_usd_exactly(usd: Any) -> str:
    """All digits that are not zeros at the end."""
    digits = str(usd)
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def usd_column(name: str) -> Column:
    return Column(name, show_usd_exactly, is_number=True)


COMPARED = (
    Column("key", is_long=True), Column("records", show_count, is_number=True), Column("tokens", show_count, is_number=True),
    usd_column("recorded_usd"), usd_column("supposed_usd"), usd_column("difference_usd"),
)  # fmt: skip
CACHED = (
    Column("key", is_long=True), Column("records", show_count, is_number=True),
    Column("input_tokens", show_count, is_number=True), Column("hit_percent", lambda share: f"{share:.1f} %", is_number=True),
    usd_column("cost_usd"), usd_column("reads_saved_usd"), usd_column("writes_added_usd"), usd_column("saved_usd"),
    usd_column("could_save_usd_at_most"),
)  # fmt: skip


def what_if(
    to_model: Annotated[str | None, typer.Option(help="Another model, in any spelling.")] = None,
    to_provider: Annotated[str | None, typer.Option(help="Another seller, such as aws.")] = None,
    to_processing: Annotated[Mode | None, typer.Option(help="Another mode.")] = None,
    since: Since = None,
    until: Until = None,
    team: Team = None,
    agent: Agent = None,
    model: Model = None,
    by: By = "model",
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """What recorded calls would have cost on another model, at another provider or in another mode. Nothing is changed.

    The tokens are those that were spent: another model would cut the text into others. What cannot be compared is said.
    """
    asked = {"since": since, "until": until, "team": team, "agent": agent, "model": model, "by": by}
    elsewhere = {"to_model": to_model, "to_provider": to_provider, "to_processing": to_processing}
    with connected(Scope.read, url, key) as api:
        found = api.get("/api/costs/what-if", **asked, **elsewhere)
    if as_json:
        print_json(found)
        return
    show_groups(COMPARED, found)
    for one in found["not_compared"]:
        typer.echo(f"  not compared, {one['reason']}: {one['records']:,} calls, {one['tokens']:,} tokens", err=True)
    for one in found["doubts"]:
        typer.echo(f"  {one['word']}: {one['records']:,} calls", err=True)


def caching(
    since: Since = None,
    until: Until = None,
    team: Team = None,
    agent: Agent = None,
    model: Model = None,
    by: By = "model",
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """What the providers' caches saved, the surcharge of writes counted, and the most that they could still save."""
    asked = {"since": since, "until": until, "team": team, "agent": agent, "model": model, "by": by}
    with connected(Scope.read, url, key) as api:
        found = api.get("/api/costs/caching", **asked)
    if as_json:
        print_json(found)
        return
    show_groups(CACHED, found)
    if untold := found["total"]["untold_tokens"]:
        typer.echo(
            f"  {untold:,} tokens were not cached and name no run: nobody knows what of them was repeated", err=True
        )


def show_groups(columns: tuple[Column, ...], found: dict[str, Any]) -> None:
    rows = [[one[column.name] for column in columns] for one in found["groups"]]
    print_rows(Rows(columns, rows, empty="no usage"))
    if found["done_until"]:
        typer.echo(f"  only up to {found['done_until']}: ask for fewer days", err=True)
    if is_terminal() and rows:
        total = found["total"]
        amounts = (
            f"{column.name} {show_usd_exactly(total[column.name])}" for column in columns if "usd" in column.name
        )
        print_hint(f"all: {total['records']:,} calls, {', '.join(amounts)}")
