"""`mayday budgets` and `mayday report`: where budgets stand, and what a month cost by team."""

from decimal import Decimal
from typing import Annotated, Any

import typer

from cli.client import Api, ReadKey, Url, connected
from cli.output import Column, Json, Rows, is_terminal, print_block, print_hint, print_json, print_rows, show_count
from common.budgets import show_percent
from common.keys import Scope


def show_amount(amount: Any) -> str:
    """Tokens and USD with their thousands apart; USD to the cent, since they come with more places."""
    number = Decimal(str(amount))
    return f"{number:,}" if number == number.to_integral_value() else f"{number:,.2f}"


def show_share(percent: Any) -> str:
    return "" if percent is None else show_percent(Decimal(str(percent)))


BUDGETS = (
    Column("name"),
    Column("of"),
    Column("period"),
    Column("metric"),
    Column("used", show_amount, is_number=True),
    Column("limit", show_amount, is_number=True),
    Column("used_percent", show_share, is_number=True),
    Column("reserved", show_amount, is_number=True),
    Column("state"),
)
TEAMS = (
    Column("team"),
    Column("tokens", show_count, is_number=True),
    Column("cost_usd", lambda cost: "" if cost is None else show_amount(cost), is_number=True),
    Column("deliverables", show_count, is_number=True),
    Column("tokens_per_deliverable", lambda each: "" if each is None else f"{each:,.0f}", is_number=True),
    Column("band"),
)


def budgets(
    name: Annotated[str | None, typer.Argument(help="Name of a budget; none: all of them.")] = None,
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """Where the budgets stand in their current period. Scripts that go by the exit code use `budget check`."""
    with connected(Scope.read, url, key) as api:
        listed = [one for one in api.list_all("/api/budgets", "budgets") if name in (None, one["name"])]
        if name is not None and not listed:
            typer.echo(f"mayday: there is no budget named {name}: see `mayday budgets`", err=True)
            raise typer.Exit(1)
        found = [read_status(api, one) for one in listed]
    if as_json:
        print_json({"budgets": found})
    else:
        rows = [[one[column.name] for column in BUDGETS] for one in map(with_scope, found)]
        print_rows(Rows(BUDGETS, rows, empty="there is no budget: make one with POST /api/budgets"))


def read_status(api: Api, budget: dict[str, Any]) -> dict[str, Any]:
    """The budget, and how it stands."""
    return budget | api.get(f"/api/budgets/{budget['id']}/status")


def with_scope(budget: dict[str, Any]) -> dict[str, Any]:
    value = budget["scope_value"]
    return budget | {"of": f"{budget['scope']} {value}" if value else budget["scope"]}


def report(
    period: Annotated[str | None, typer.Option(help="A month as 2026-02. Default: the current one.")] = None,
    timezone: Annotated[str, typer.Option(help="Whose month: an IANA name.")] = "UTC",
    as_markdown: Annotated[bool, typer.Option("--markdown", help="The table that teams keep.")] = False,
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """What a month cost by team: tokens, cost, and tokens per finished deliverable."""
    asked = {"timezone": timezone} | ({"period": period} if period else {})
    with connected(Scope.read, url, key) as api:
        if as_markdown:
            print_block(api.ask("GET", "/api/costs/report", params=asked | {"format": "markdown"}).text)
            return
        month = api.get("/api/costs/report", **asked)
    if as_json:
        print_json(month)
        return
    rows = [[team[column.name] for column in TEAMS] for team in month["teams"]]
    print_rows(Rows(TEAMS, rows, empty=f"nothing was spent in {month['period']}"))
    if is_terminal():
        print_hint("\n".join(sum_up(month)))


def sum_up(month: dict[str, Any]) -> list[str]:
    cost = "without a price" if month["cost_usd"] is None else f"{show_amount(month['cost_usd'])} USD"
    lines = [f"{month['period']}: {month['tokens']:,} tokens, {cost}"]
    if month["unpriced_tokens"]:
        lines.append(f"{month['unpriced_tokens']:,} tokens have no price and are in no cost")
    if budget := month["budget"]:
        lines.append(f"{show_share(budget['used_percent'])} of {budget['limit']:,} tokens are used: {budget['state']}")
    return lines
