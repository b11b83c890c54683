"""`mayday budget`: how budgets stand, for scripts and CI; and cost logs that were kept by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cli.client import Api, ApiFailed, IngestKey, NoKey, ReadKey, Url, open_api
from cli.cost_log import CostLog, CostLogEmpty, CostRow, parse_cost_log
from cli.examples import examples
from common.budgets import show_percent
from common.budgets.periods import find_zone, parse_month
from common.keys import Scope

budget_app = typer.Typer(
    no_args_is_help=True,
    help="Say how budgets stand; read cost logs.",
    epilog=examples("budget check", "budget import costs.md --period 2026-02 --model claude-haiku-4-5"),
)

EXITS = {"ok": 0, "warn": 1, "critical": 2, "exceeded": 2}
UNKNOWN = 3  # nothing could be said: neither ok nor over


@budget_app.command("check", epilog=examples("budget check", "budget check 'all teams' || echo 'stop spending'"))
def check(
    name: Annotated[str | None, typer.Argument(help="Name of a budget; none: all of them.")] = None,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """Print how budgets stand. Exits 0 (ok), 1 (warn), 2 (critical or exceeded) by the worst, 3 when none could be told."""
    with asking(Scope.read, url, key) as api:
        budgets = [one for one in api.list_all("/api/budgets", "budgets") if name in (None, one["name"])]
        if not budgets:
            fail(f"there is no budget named {name}" if name else "there is no budget: make one with POST /api/budgets")
        statuses = [api.get(f"/api/budgets/{one['id']}/status") for one in budgets]
    for status in statuses:
        typer.echo(describe(status))
    raise typer.Exit(max(EXITS.get(status["state"], UNKNOWN) for status in statuses))


@budget_app.command("import", epilog=examples("budget import costs.md --period 2026-02 --model claude-haiku-4-5"))
def import_log(
    file: Annotated[Path, typer.Argument(help="A cost log in markdown: rows per team, and TOTAL MTD.")],
    period: Annotated[str, typer.Option(help="Its month, as 2026-02.")],
    model: Annotated[str, typer.Option(help="Model that it is of; costs that the log tells win over its price.")],
    url: Url = None,
    key: IngestKey = None,
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
    with asking(Scope.ingest, url, key) as api:
        answer = api.post("/api/usage/batch", {"records": records})
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


def describe(status: dict[str, Any]) -> str:
    used, reserve = (show_percent(Decimal(str(status[name]))) for name in ("used_percent", "reserve_percent"))
    amounts = [f"{Decimal(str(status[name])):,}" for name in ("used", "limit")]
    unpriced = f", {status['unpriced_tokens']:,} tokens without a price" if status["unpriced_tokens"] else ""
    return (
        f"{status['name']}: {status['state']}, {used} used ({amounts[0]} of {amounts[1]} {status['metric']}),"
        f" {reserve} reserve{unpriced}"
    )


@contextmanager
def asking(scope: Scope, url: str | None, key: str | None) -> Iterator[Api]:
    """Mayday; exits 3 where it says nothing about budgets, and without a key."""
    try:
        with open_api(scope, url, key) as api:
            yield api
    except NoKey as error:
        raise typer.Exit(UNKNOWN) from error
    except ApiFailed as error:
        fail(str(error))


def fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(UNKNOWN)
