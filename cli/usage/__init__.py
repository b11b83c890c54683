"""`mayday usage`: what agents spent, out of the logs and exports in which it lies already."""

import sys
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from api.ingest.receivers.items import Rejected
from api.ingest.receivers.native import describe_rejection
from api.spending.usage_rows import UsageContext, make_usage_row
from api.spending.usage_schemas import UsageIn
from api.storing.rows import UsageRow
from cli.client import ApiFailed, IngestKey, Url, open_api
from cli.examples import examples
from cli.output import Column, Json, Rows, print_json, print_rows, show_count
from cli.send.decoding import Input, InputRefused
from cli.usage.asking import caching, what_if
from cli.usage.delivery import Held, UsageDelivery
from cli.usage.records import Options, Skipped, Unread, UsageRecord
from cli.usage.sources import Place, find_files, read_input
from cli.usage.summary import ImportSummary, UsageSums
from common.keys import Scope
from common.pricing import show_usd
from common.settings import Settings

usage_app = typer.Typer(
    no_args_is_help=True,
    help="Bring in what agents spent: session logs, spend logs, exports. Ask what it would have cost.",
    epilog=examples(
        "usage import ~/.claude/projects --team checkout", "usage what-if --to-model claude-haiku-4-5", "usage caching"
    ),
)
usage_app.command(
    "what-if",
    epilog=examples(
        "usage what-if --to-model claude-haiku-4-5 --agent reviewer", "usage what-if --to-processing batch --by team"
    ),
)(what_if)
usage_app.command("caching", epilog=examples("usage caching --by agent", "usage caching --since 2026-02-01 --json"))(
    caching
)
AHEAD = timedelta(minutes=5)


@usage_app.callback()
def usage() -> None:
    """Bring in what agents spent: session logs, spend logs, exports. Ask what it would have cost."""


@usage_app.command(
    "import",
    epilog=examples(
        "usage import                      # the logs of Claude Code and Codex in your home",
        "usage import spend-logs.json --dry-run",
        "usage import openai.csv anthropic.json --team platform",
    ),
)
def import_usage(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, or folders of them; none: those of the agents.")
    ] = None,
    team: Annotated[
        str, typer.Option(help="Team of all records. Default: what they say, else the session's folder.")
    ] = "",
    agent: Annotated[str, typer.Option(help="Agent of all records. Default: what they say.")] = "",
    model: Annotated[str, typer.Option(help="Model of those that name none.")] = "",
    deliverable: Annotated[str, typer.Option(help="What all of it was spent on.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is there.")] = False,
    as_json: Json = False,
    in_flight: Annotated[int, typer.Option(min=1, max=16, help="Requests under way at once.")] = 2,
    url: Url = None,
    key: IngestKey = None,
) -> None:
    """Read session logs of Claude Code and Codex, LiteLLM's spend log, usage exports of OpenAI and Anthropic; send them.

    What each file is, is told by what is in it. Imported again, a call is a duplicate; one that went on since is brought up to
    date. Costs that are shown are by the catalog. Exits 0 when all was read and stored, 1 when a part was not.
    """
    try:
        inputs = [Input(path) for path in find_files(paths or [])]
    except InputRefused as refused:
        typer.echo(f"mayday: {refused}", err=True)
        raise typer.Exit(2) from refused
    if not inputs:
        typer.echo("mayday: there is nothing to read: name a file or a folder", err=True)
        raise typer.Exit(2)
    summary = ImportSummary()
    options = Options(team[:200], agent[:200], model[:200], deliverable[:200])
    with ExitStack() as stack:
        try:
            api = None if dry_run else stack.enter_context(open_api(Scope.ingest, url, key))
            read_all(inputs, options, summary, stack.enter_context(UsageDelivery(api, summary, in_flight)))
        except ApiFailed as failed:
            typer.echo(f"mayday: {failed}", err=True)
    show(summary, is_dry=dry_run, as_json=as_json)
    raise typer.Exit(0 if summary.is_whole else 1)


def read_all(inputs: list[Input], options: Options, summary: ImportSummary, delivery: UsageDelivery) -> None:
    """Read file by file and send; the bar tells how far. Raises ApiFailed."""
    context = make_context()
    held = Held(lambda records: give(records, context, summary, delivery))
    total, before = sum(one.size_bytes for one in inputs), 0
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), DownloadColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        task = bar.add_task("reading", total=total or None)
        for source in inputs:
            summary.files += 1
            for number, place in enumerate(read_input(source, options)):
                take(place, options, held, summary)
                if number % 256 == 0:
                    bar.update(task, completed=before + source.position)
            before += source.size_bytes
            bar.update(task, completed=before)
        held.give_rest()
        delivery.finish()


def take(place: Place, options: Options, held: Held, summary: ImportSummary) -> None:
    match place.found:
        case Unread(reason):
            summary.note_unread(place, reason)
        case Skipped(reason):
            summary.skipped[reason] += 1
        case UsageRecord() as record:
            record.deliverable = options.deliverable or None
            held.add(record)


def give(records: list[UsageRecord], context: UsageContext, summary: ImportSummary, delivery: UsageDelivery) -> None:
    """Sum up records as the server will read them, and send those that it will take."""
    taken = []
    for record in records:
        summary.records += 1
        cost, record.cost_usd = record.cost_usd, None
        row = read_record(record, context)
        if isinstance(row, UsageRow) and row.cost_usd is None and cost is not None:
            record.cost_usd = cost  # what a gateway reckoned counts only where nobody else knows a price
            row = read_record(record, context)
        if isinstance(row, Rejected):
            summary.note_unread(Place(record, record.event_key, 0), row.detail)
            continue
        summary.add(row)
        taken.append(record)
    delivery.send(taken)


def read_record(record: UsageRecord, context: UsageContext) -> UsageRow | Rejected:
    """The row that is made of a record, by what the catalog says alone, or why there is none."""
    try:
        return make_usage_row(UsageIn.model_validate(record.as_json()), context)
    except ValidationError as invalid:
        return describe_rejection(invalid)


def make_context() -> UsageContext:
    settings, now = Settings.load(), datetime.now(UTC)
    oldest = now - timedelta(days=settings.usage_retention_days)
    return UsageContext(UUID(int=0), now, oldest, now + AHEAD, ())


COLUMNS = (
    Column("team", is_long=True), Column("day"), Column("model", is_long=True), Column("calls", show_count, is_number=True),
    Column("input", show_count, is_number=True), Column("cached", show_count, is_number=True, is_spare=True),
    Column("written", show_count, is_number=True, is_spare=True), Column("output", show_count, is_number=True),
    Column("unpriced", show_count, is_number=True, is_spare=True), Column("usd", is_number=True),
)  # fmt: skip


def show(summary: ImportSummary, *, is_dry: bool, as_json: bool) -> None:
    """The sums, what became of them, and what could not be read."""
    if as_json:
        print_json(describe(summary))
        return
    print_rows(Rows(COLUMNS, [(*place, *cells(sums)) for *place, sums in summary.rows()], empty="no usage"))
    total = summary.total
    tokens = total.input_tokens + total.output_tokens
    typer.echo(
        f"{summary.files:,} files, {total.calls:,} calls, {tokens:,} tokens, {show_usd(total.usd)} by the catalog"
        + ("" if is_dry else f"; {summary.stored:,} stored, {summary.duplicates:,} duplicates"),
        err=True,
    )
    for word, count in summary.told.most_common():
        typer.echo(f"  {word}: {count:,}", err=True)
    for reason, count in summary.skipped.items():
        typer.echo(f"  not counted, {reason}: {count:,}", err=True)
    for reason, count in summary.unread.items():
        typer.echo(f"  not read, {count:,} from {summary.first.get(reason, 'the server')}: {reason}", err=True)
    if summary.undelivered:
        typer.echo(f"  not delivered: {summary.undelivered:,}; import the same again", err=True)


def cells(sums: UsageSums) -> tuple[Any, ...]:
    return (
        sums.calls, sums.input_tokens, sums.cached_tokens, sums.cache_write_tokens, sums.output_tokens,
        sums.unpriced_tokens, f"{sums.usd:f}",
    )  # fmt: skip


def describe(summary: ImportSummary) -> dict[str, Any]:
    """The same as JSON."""
    counted = ("files", "records", "stored", "duplicates", "rejected", "undelivered")
    return {
        **{name: getattr(summary, name) for name in counted},
        "total": as_numbers(summary.total),
        "sums": [
            {"team": team, "day": day, "model": model, **as_numbers(sums)} for team, day, model, sums in summary.rows()
        ],
        "adjusted": dict(summary.told),
        "not_counted": dict(summary.skipped),
        "not_read": [
            {"reason": reason, "count": count, "first": summary.first.get(reason)}
            for reason, count in summary.unread.items()
        ],
    }


def as_numbers(sums: UsageSums) -> dict[str, Any]:
    return {**asdict(sums), "usd": f"{sums.usd:f}"}
