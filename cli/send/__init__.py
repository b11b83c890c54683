"""`mayday send`: errors from files or standard input, in batches, with ids that make every retry safe."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.client import Url, find_address, find_key
from cli.send.delivery import Delivery, Tally
from cli.send.reading import Defaults, Form, ItemUnreadable, Line, read_lines
from common.settings import Settings


def send(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to read; none, or -, is standard input.")] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How the input is written; auto goes by the ending.")
    ] = Form.auto,
    service: Annotated[str, typer.Option(help="Service of errors that name none.")] = "mayday-send",
    severity: Annotated[str, typer.Option(help="Severity of errors that name none.")] = "error",
    environment: Annotated[str | None, typer.Option(help="Environment of errors that name none.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="For CSV: FIELD=COLUMN, as in message=Content. May be given again.")
    ] = None,
    url: Url = None,
    key: Annotated[
        str | None, typer.Option(help="Ingest key. Default: MAYDAY_INGEST_KEY, or that of keys.env.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1000, help="Errors in one request.")] = 500,
    in_flight: Annotated[int, typer.Option(min=1, max=32, help="Requests under way at once.")] = 4,
    give_up_seconds: Annotated[float, typer.Option(help="How long a batch is tried again.")] = 300,
    save_failed: Annotated[Path | None, typer.Option(help="Write what was not delivered here, to send again.")] = None,
) -> None:
    """Send errors: NDJSON as it is, CSV by its columns, else one message a line.

    Every error has its id before the first try, made of its text and its file: what is sent again, after a failure or
    by mistake, is counted as a duplicate. Exits 0 when all is stored, 1 when something was rejected or not delivered.
    """
    settings = Settings.load()
    defaults = Defaults(service, severity, environment, dict(pair.split("=", 1) for pair in column or []))
    delivery = Delivery(
        url=url or find_address(settings),
        key=find_key("MAYDAY_INGEST_KEY", key, settings),
        in_flight=in_flight,
        give_up_seconds=give_up_seconds,
    )
    paths = [path for path in files or [] if str(path) != "-"]
    total = sum(count_lines(path) for path in paths) if len(paths) == len(files or []) and paths else None
    with progress_bar() as bar:
        task = bar.add_task("sending", total=total) if bar else None

        def advance(count: int) -> None:
            if bar and task is not None:
                bar.advance(task, count)

        batches = in_batches(read_all(paths, form, defaults, delivery.tally), batch_size)
        asyncio.run(delivery.run(batches, advance))
    report(delivery.tally, delivery.undelivered, save_failed)


def read_all(paths: list[Path], form: Form, defaults: Defaults, tally: Tally) -> Iterator[Line]:
    """Every readable line of the inputs; the others are counted with the reason."""
    sources: list[Path | None] = [*paths] or [None]
    for path in sources:
        for line in read_lines(path, form, defaults):
            if isinstance(line, ItemUnreadable):
                tally.reject(line.place, line.reason)
            else:
                yield line


def in_batches(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    batch: list[Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def count_lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError as error:
        typer.echo(f"{path} cannot be read: {error.strerror}", err=True)
        raise typer.Exit(2) from error


def progress_bar() -> "Progress | nullcontext[None]":
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip


def report(tally: Tally, undelivered: list[Line], save_failed: Path | None) -> None:
    """Say what became of everything, and end with the exit code that scripts can go by."""
    typer.echo(tally.describe(len(undelivered)))
    for place, reason in tally.reasons:
        typer.echo(f"  rejected {place}: {reason}", err=True)
    if undelivered and save_failed:
        save_failed.write_bytes(b"".join(line.body + b"\n" for line in undelivered))
        typer.echo(
            f"  what was not delivered is in {save_failed}: `mayday send --format ndjson {save_failed}`", err=True
        )
    elif undelivered:
        typer.echo(f"  not delivered: {tally.last_failure}; send the same again, or use --save-failed", err=True)
    raise typer.Exit(1 if tally.rejected or undelivered else 0)
