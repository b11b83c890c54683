"""`mayday patterns`: what is failing, most errors first, each with a number that `show` and `resolve` take."""

from typing import Annotated, Any, Literal

import typer

from cli.client import ReadKey, Url, connected
from cli.looking.references import keep_list
from cli.output import (
    Column,
    Json,
    Rows,
    is_terminal,
    print_hint,
    print_json,
    print_rows,
    show_age,
    show_count,
    show_names,
)
from common.keys import Scope
from common.settings import Settings
from common.severities import SeverityWord

# As the API has them, whose own lists take a second to import; a test holds the two together.
Window = Literal["1h", "6h", "24h", "7d"]
State = Literal["new", "ongoing", "regressed", "resolved", "ignored"]
Trend = Literal["new", "regressed", "spiking", "rising", "steady", "falling"]
Order = Literal["count", "trend", "new"]

SeverityName = Annotated[SeverityWord | None, typer.Option(help="Of this severity only.")]
COLUMNS = (
    Column("count", show_count, is_number=True),
    Column("trend"),
    Column("state"),
    Column("severity"),
    Column("services", show_names),
    Column("last_seen", show_age),
    Column("title", is_long=True),
)
ID = Column("id")


def patterns(
    window: Annotated[Window, typer.Option(help="How far back.")] = "24h",
    service: Annotated[str | None, typer.Option(help="Of this service only.")] = None,
    severity: SeverityName = None,
    environment: Annotated[str | None, typer.Option(help="Of this environment only.")] = None,
    state: Annotated[State | None, typer.Option(help="In this state only.")] = None,
    trend: Annotated[Trend | None, typer.Option(help="With this trend only.")] = None,
    order: Annotated[Order, typer.Option(help="What comes first.")] = "count",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Patterns at most.")] = 20,
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """What is failing: the patterns of a window, with counts, trend and state."""
    asked = {"window": window, "service": service, "severity": severity, "environment": environment}
    with connected(Scope.read, url, key) as api:
        answer = api.get("/api/errors/patterns", **asked, state=state, trend=trend, order=order)
        shown = answer["patterns"][:limit]
        if as_json:
            print_json(answer)
            return
        print_patterns(shown)
        if is_terminal():
            keep_list(Settings.load(), api, [pattern["id"] for pattern in shown])
            print_hint(sum_up(answer, len(shown)))


def print_patterns(shown: list[dict[str, Any]]) -> None:
    """Numbers on a terminal, ids in a pipe."""
    columns = COLUMNS if is_terminal() else (*COLUMNS, ID)
    rows = [[cell(pattern, column.name) for column in columns] for pattern in shown]
    print_rows(Rows(columns, rows, is_numbered=True, empty="nothing is failing here"))


def cell(pattern: dict[str, Any], name: str) -> Any:
    return pattern["by_severity"][0]["key"] if name == "severity" else pattern[name]


def sum_up(answer: dict[str, Any], shown: int) -> str:
    rest = len(answer["patterns"]) + answer["other"]["patterns"] - shown
    beyond = f", {rest:,} more patterns: --limit" if rest else ""
    look = "; ./mayday show 1 has more of the first" if shown else ""
    errors = "error" if answer["total"] == 1 else "errors"
    return f"{answer['total']:,} {errors} in {answer['window']}, as of {show_age(answer['computed_at'])}{beyond}{look}"
