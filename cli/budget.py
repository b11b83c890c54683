"""`mayday budget`: how budgets stand, for scripts and CI; and cost logs that were kept by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer

from cli.client import Url, find_address, find_key
from cli.cost_log import CostLog, CostLogEmpty, CostRow, parse_cost_log
from common.budgets import show_percent
from common.budgets.periods import find_zone, parse_month
from common.settings import Settings

budget_app = typer.Typer(no_args_is_help=True, help="Say how budgets stand; read cost logs.")

EXITS = {"ok": 0, "warn": 1, "critical": 2, "exceeded": 2}
UNKNOWN = 3  # nothing could be said: neither ok nor over


@budget_app.command("check")
def check(
    name: Annotated[str | None, typer.Argument(help="Name of a budget; none: all of them.")] = None,
    url: Url = None,
    key: Annotated[str | None, typer.Option(help="Read key. Default: MAYDAY_READ_KEY, or that of keys.env.")] = None,
) -> None:
    """Print how budgets stand. Exits 0 (ok), 1 (warn), 2 (critical or exceeded) by the worst, 3 when none could be told."""
    with open_client("MAYDAY_READ_KEY", url, key) as client, failing_with_3():
        budgets = [one for one in list_budgets(client) if name in (None, one["name"])]
        if not budgets:
            fail(f"there is no budget named {name}" if name else "there is no budget: make one with POST /api/budgets")
        statuses = [ask(client.get(f"/api/budgets/{one['id']}/status")) for one in budgets]
    for status in statuses:
        typer.echo(describe(status))
    raise typer.Exit(max(EXITS.get(status["state"], UNKNOWN) for status in statuses))


@budget_app.command("import")
def import_log(
    file: Annotated[Path, typer.Argument(help="A cost log in markdown: rows per team, and TOTAL MTD.")],
    period: Annotated[str, typer.Option(help="Its month, as 2026-02.")],
    model: Annotated[str, typer.Option(help="Model that it is of; costs that the log tells win over its price.")],
    url: Url = None,
    key: Annotated[
        str | None, typer.Option(help="Ingest key. Default: MAYDAY_INGEST_KEY, or that of keys.env.")
    ] = None,
) -> None:
    """Post the teams of a cost log as usage of the month's first day. What could not be read is said, never taken for 0.

    Exits 0 when all was read and stored, 1 when a part was not, 3 when nothing was. Imported again, it is a duplicate.
    """
    try:
        first = parse_month(period, find_zone("UTC")).first
        log = parse_cost_log(file.read_text())
    except (CostLogEmpty, ValueError, OSError) as error:
        fail(str(error))
    for unread in log.unread:
        typer.echo(f"line {unread.line}: {unread.reason}: {unread.text}", err=True)
    at = datetime(first.year, first.month, first.day, tzinfo=UTC).isoformat()
    records = [as_record(row, period, model, at) for row in rows_of(log)]
    with open_client("MAYDAY_INGEST_KEY", url, key) as client, failing_with_3():
        answer = ask(client.post("/api/usage/batch", json={"records": records}))
    typer.echo(f"{answer['count']} stored, {answer['duplicates']} duplicates, {log.total_tokens:,} tokens in the log")
    for item in answer["rejected"]:
        typer.echo(f"{records[item['index']]['team']}: {item['detail']}", err=True)
    raise typer.Exit(1 if log.unread or answer["rejected"] else 0)


def rows_of(log: CostLog) -> list[CostRow]:
    """The teams, or the total where the log has no rows."""
    rows = [row for row in log.rows if row.tokens]
    return rows or ([log.total] if log.total else [])


def as_record(row: CostRow, period: str, model: str, at: str) -> dict[str, Any]:
    """A team's month as one usage record; its key is the same at every import."""
    record = {
        "event_key": f"cost-log:{period}:{row.team}"[:200],
        "team": row.team[:200],
        "model": model,
        "occurred_at": at,
        "total_tokens": row.tokens,
    }
    return record | ({"cost_usd": str(row.cost_usd)} if row.cost_usd is not None else {})


def list_budgets(client: httpx.Client) -> list[dict[str, Any]]:
    page = ask(client.get("/api/budgets"))
    budgets = list(page["budgets"])
    while page["next"]:
        page = ask(client.get("/api/budgets", params={"cursor": page["next"]}))
        budgets += page["budgets"]
    return budgets


def describe(status: dict[str, Any]) -> str:
    used, reserve = (show_percent(Decimal(str(status[name]))) for name in ("used_percent", "reserve_percent"))
    amounts = [f"{Decimal(str(status[name])):,}" for name in ("used", "limit")]
    unpriced = f", {status['unpriced_tokens']:,} tokens without a price" if status["unpriced_tokens"] else ""
    return (
        f"{status['name']}: {status['state']}, {used} used ({amounts[0]} of {amounts[1]} {status['metric']}),"
        f" {reserve} reserve{unpriced}"
    )


def open_client(key_name: str, url: str | None, key: str | None) -> httpx.Client:
    settings = Settings.load()
    try:
        found = find_key(key_name, key, settings)
    except typer.Exit as error:
        raise typer.Exit(UNKNOWN) from error
    return httpx.Client(
        base_url=url or find_address(settings), headers={"Authorization": f"Bearer {found}"}, timeout=30
    )


@contextmanager
def failing_with_3() -> Iterator[None]:
    """A Mayday that does not answer says nothing about budgets."""
    try:
        yield
    except httpx.HTTPError as error:
        fail(f"Mayday does not answer: {error}")


def ask(answer: httpx.Response) -> dict[str, Any]:
    """The answer's body; exits 3 where it is a failure."""
    if answer.is_error:
        fail(f"{answer.status_code}: {answer.text[:500]}")
    return dict(answer.json())


def fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(UNKNOWN)
