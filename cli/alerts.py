"""`mayday alerts`: rules of alerts as they stand, what one would have sent, a test of a channel, and quiet for a while."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from api.reads.cells import show_unseen
from cli.client import AdminKey, Api, ReadKey, Url, connected
from cli.examples import examples
from cli.lengths import parse_length
from cli.looking.references import find_pattern_id
from cli.output import Column, Json, Rows, is_terminal, print_json, print_lines, print_rows
from common.keys import Scope
from common.settings import Settings

alerts_app = typer.Typer(
    no_args_is_help=True,
    help="Rules of alerts: list them, try one on what was, test a channel, mute.",
    epilog=examples("alerts list", "alerts preview 'Spikes and incidents'", "alerts mute --pattern 1 --for 2h"),
)
HOUR = timedelta(hours=1)
RULE_COLUMNS = [Column("armed"), Column("name", is_long=True), Column("when", is_long=True), Column("channels")]
MESSAGE_COLUMNS = [Column("due_at"), Column("kind"), Column("title", is_long=True), Column("changes", is_number=True)]


@alerts_app.command("list", epilog=examples("alerts list", "alerts list --json | jq '.rules[].name'"))
def list_rules(as_json: Json = False, url: Url = None, key: ReadKey = None) -> None:
    """Print the rules of this project, and whether each is armed."""
    with connected(Scope.read, url, key) as api:
        rules = api.list_all("/api/alerts/rules", "rules")
    if as_json:
        print_json({"rules": rules})
        return
    rows = [[say_armed(one), one["name"], say_when(one["when"]), len(one["channels"])] for one in rules]
    print_rows(Rows(RULE_COLUMNS, rows, empty="no rule"))


@alerts_app.command(
    "preview", epilog=examples("alerts preview 'Spikes and incidents' --days 14", "alerts preview - < rule.json")
)
def preview(
    rule: Annotated[str, typer.Argument(help="Name of a rule, a file with one as JSON, or - for standard input.")],
    days: Annotated[int, typer.Option(min=1, max=30, help="How far to look back.")] = 7,
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """Print what a rule would have sent, each message as it would have been, and what history cannot answer."""
    with connected(Scope.read, url, key) as api:
        told = api.post("/api/alerts/preview", {**find_rule(api, rule), "days": days})
    if as_json:
        print_json(told)
        return
    rows = [[one["due_at"], one["kind"], show_unseen(one["title"]), one["changes"]] for one in told["messages"]]
    print_rows(Rows(MESSAGE_COLUMNS, rows, empty="no message"))
    typer.echo(f"{told['fired']} messages in {days} days, {told['per_day']} a day", err=True)
    for gap in told["unanswered"]:
        typer.echo(f"not known: {gap}", err=True)


@alerts_app.command("test", epilog=examples("alerts test on-call"))
def try_channel(
    channel: Annotated[str, typer.Argument(help="Name or id of a channel.")],
    as_json: Json = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Send a real message through a channel, and say what its receiver answered. Exits 1 where it was not taken."""
    with connected(Scope.admin, url, key) as api:
        channel_id = find_id(api, "/api/alerts/channels", "channels", channel)
        told = api.post(f"/api/alerts/channels/{channel_id}/test", {})
    if as_json:
        print_json(told)
    else:
        typer.echo(show_unseen(f"{told['outcome']}: {told['told'] or 'nothing was said'}"))
    raise typer.Exit(0 if told["outcome"] == "accepted" else 1)


@alerts_app.command("mute", epilog=examples("alerts mute --pattern 1 --for 2h", "alerts mute --everything --for 30min"))
def mute(
    pattern: Annotated[str | None, typer.Option(help="Id, part of one, or a number of the last list.")] = None,
    rule: Annotated[str | None, typer.Option(help="Name or id of a rule.")] = None,
    channel: Annotated[str | None, typer.Option(help="Name or id of a channel.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All messages of this project.")] = False,
    span: Annotated[
        timedelta | None,
        typer.Option("--for", parser=parse_length, metavar="LENGTH", help="For so long, as 30min or 2h; else an hour."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why, for those who look here next.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: AdminKey = None,
) -> None:
    """Send nothing of a pattern, by a rule or on a channel for a while. What was not sent then is not sent later."""
    with connected(Scope.admin, url, key) as api:
        body: dict[str, Any] = {"until": (datetime.now(UTC) + (span or HOUR)).isoformat()}
        if pattern is not None:
            body["pattern"] = find_pattern_id(api, Settings.load(), pattern)
        if rule is not None:
            body["rule"] = find_id(api, "/api/alerts/rules", "rules", rule)
        if channel is not None:
            body["channel"] = find_id(api, "/api/alerts/channels", "channels", channel)
        muted = api.post(
            "/api/alerts/mutes", body | ({"everything": True} if everything else {}) | ({"note": note} if note else {})
        )
    if as_json:
        print_json(muted)
    elif is_terminal():
        typer.echo(f"muted until {muted['until']}")
    else:
        print_lines([["muted", muted["id"], muted["until"]]])


def find_rule(api: Api, said: str) -> dict[str, Any]:
    """The rule that is meant, as a preview takes it. Exits 1 where there is none."""
    import json

    text = sys.stdin.read() if said == "-" else Path(said).read_text() if Path(said).is_file() else None
    if text is not None:
        try:
            sent = json.loads(text)
        except ValueError as error:
            typer.echo(f"mayday: {said} is no JSON: {error}", err=True)
            raise typer.Exit(1) from error
        return dict(sent)
    rule_id = find_id(api, "/api/alerts/rules", "rules", said)
    rule = api.get(f"/api/alerts/rules/{rule_id}")
    return {name: rule[name] for name in rule if name not in {"id", "created_at", "changed_at", "fired_last_7_days"}}


def find_id(api: Api, path: str, kind: str, said: str) -> str:
    """The id of what has this name or id. Exits 1 where there is none."""
    for one in api.list_all(path, kind):
        if said in (one["name"], one["id"]):
            return str(one["id"])
    typer.echo(f"mayday: there is none of {kind} with this name or id: {show_unseen(said)}", err=True)
    raise typer.Exit(1)


def say_armed(rule: dict[str, Any]) -> str:
    return "armed" if rule["armed"] else "-"


def say_when(when: list[Any]) -> str:
    """The changes that a rule is about, in a line."""
    return ", ".join(one if isinstance(one, str) else say_number(one) for one in when)


def say_number(trigger: dict[str, Any]) -> str:
    if rate := trigger.get("more_than"):
        return f"more than {rate['errors']} in {rate['minutes']} min"
    return ", ".join(f"{name} {value:g}" for name, value in trigger.items() if value is not None)
