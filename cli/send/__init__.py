"""`mayday send`: errors from files or standard input, in batches, with ids that make every retry safe."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from api.ingest.receivers.shipper.levels import SEVERITIES, read_level
from api.ingest.receivers.shipper.mapping import MappingOptions
from cli.client import Url, find_address, find_key
from cli.send.batching import Handover, Reading
from cli.send.decoding import Input, InputRefused
from cli.send.delivery import Delivery, KeyRefused, Tally
from cli.send.following import FollowedFile
from cli.send.mapping import FIELDS, Line
from cli.send.progress import Bar
from cli.send.sniffing import Form
from common.settings import Settings
from common.severities import SeverityWord


def send(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to read; none, or -, is standard input.")] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How the input is written; auto looks at what is in it.")
    ] = Form.auto,
    level: Annotated[str, typer.Option(help="Least level that is sent; what is below is counted.")] = "warning",
    service: Annotated[str, typer.Option(help="Service of errors that name none.")] = "mayday-send",
    severity: Annotated[
        str | None,
        typer.Option(
            help="Severity of records that name none. Default: what they say, and error where nothing has one."
        ),
    ] = None,
    environment: Annotated[str | None, typer.Option(help="Environment of errors that name none.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=NAME, the name of a column or a JSON field, as in message=Content. May be given again."
        ),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of times that name none, as Europe/Berlin.")] = "UTC",
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Read one file, and what comes, until Ctrl-C; also when it is rotated."),
    ] = False,
    url: Url = None,
    key: Annotated[
        str | None, typer.Option(help="Ingest key. Default: MAYDAY_INGEST_KEY, or that of keys.env.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1000, help="Errors in one request.")] = 500,
    in_flight: Annotated[int, typer.Option(min=1, max=32, help="Requests under way at once.")] = 4,
    give_up_seconds: Annotated[float, typer.Option(help="How long a batch is tried again.")] = 300,
    save_failed: Annotated[Path | None, typer.Option(help="Write what was not delivered here, to send again.")] = None,
) -> None:
    """Send errors from logs: plain ones, JSON, logfmt, CSV, packed or not, told by what is in them. Traces join their error.

    Every error has its id before the first try, made of its text and its file: what is sent again, after a failure or
    by mistake, is counted as a duplicate. Exits 0 when all is stored, 1 when something was rejected or not delivered.

    \b
    mayday send app.log --service checkout
    mayday send export.csv --column message=Content
    journalctl -o json -u shop | mayday send
    mayday send --follow /var/log/app.log
    """
    settings = Settings.load()
    options = MappingOptions(
        level=SEVERITIES[read_severity("--level", level)],
        service=service,
        environment=environment,
        severity=read_severity("--severity", severity) if severity else None,
        columns=read_columns(column or []),
        needs_message=True,
        zone=read_zone(timezone),
    )
    delivery = Delivery(
        url=url or find_address(settings),
        key=find_key("MAYDAY_INGEST_KEY", key, settings),
        in_flight=in_flight,
        give_up_seconds=give_up_seconds,
        tally=Tally(level),
    )
    stopped = threading.Event()
    inputs = open_inputs(files or [], stopped, follow=follow)
    reading = Reading(form, options, batch_size, delivery.tally)
    with Bar(0 if follow else sum(one.size_bytes for one in inputs), delivery.tally) as bar:
        try:
            asyncio.run(run(delivery, reading, inputs, bar, stopped))
        except* KeyRefused as refused:
            raise typer.Exit(refuse(f"the key is refused: {refused.exceptions[0]}")) from None
    report(delivery.tally, delivery.undelivered, save_failed)


async def run(
    delivery: Delivery,
    reading: Reading,
    inputs: list[Input | FollowedFile],
    bar: Bar,
    stopped: threading.Event,
) -> None:
    """Read and deliver. A first Ctrl-C ends the reading, and what was read is delivered; a second one ends all."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopped.set()
        for wish in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(wish)

    for wish in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wish, stop)
    handover = Handover(reading.read(iter(inputs)), 2 * delivery.in_flight)
    handover.start()
    await delivery.run(handover.next, bar.show)


def open_inputs(files: list[Path], stopped: threading.Event, *, follow: bool) -> list[Input | FollowedFile]:
    """The inputs; exits 2 where one cannot be read."""
    try:
        if not follow:
            return [Input(None if str(path) == "-" else path, stopped.is_set) for path in files or [Path("-")]]
        if len(files) != 1 or str(files[0]) == "-":
            raise typer.Exit(refuse("--follow reads one file: mayday send --follow FILE"))
        return [FollowedFile(files[0], stopped.is_set)]
    except InputRefused as refused:
        raise typer.Exit(refuse(str(refused))) from refused


def refuse(sentence: str) -> int:
    """Say why nothing is sent; gives the exit code."""
    typer.echo(sentence, err=True)
    return 2


def read_severity(option: str, word: str) -> SeverityWord:
    severity = read_level(word)
    if severity is None:
        raise typer.Exit(refuse(f"{option} {word}: one of {', '.join(SEVERITIES)}"))
    return severity


def read_columns(pairs: list[str]) -> dict[str, str]:
    """Fields by the names of columns; exits 2 for what is none."""
    columns: dict[str, str] = {}
    for pair in pairs:
        field, equals, name = pair.partition("=")
        if not equals or not name or field not in FIELDS:
            raise typer.Exit(refuse(f"--column {pair}: give FIELD=NAME; fields are {', '.join(FIELDS)}"))
        columns[field] = name
    return columns


def read_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise typer.Exit(refuse(f"--timezone {name}: there is no such zone; one is Europe/Berlin")) from None


def report(tally: Tally, undelivered: list[Line], save_failed: Path | None) -> None:
    """Say what became of everything, and end with the exit code that scripts can go by."""
    typer.echo(tally.describe(len(undelivered)))
    for sentence in sentences(tally):
        typer.echo(f"  {sentence}", err=True)
    if undelivered and save_failed:
        save_failed.write_bytes(b"".join(line.body + b"\n" for line in undelivered))
        typer.echo(f"  what was not delivered is in {save_failed}: `mayday send --level debug {save_failed}`", err=True)
    elif undelivered:
        typer.echo(f"  not delivered: {tally.last_failure}; send the same again, or use --save-failed", err=True)
    raise typer.Exit(1 if tally.rejected or undelivered or tally.refused else 0)


def sentences(tally: Tally) -> Iterator[str]:
    """What was rejected and why, each reason once, and what may be a mistake of who sends."""
    yield from tally.refused
    for reason, (place, count) in tally.reasons.items():
        more = f" and {count - 1:,} more" if count > 1 else ""
        yield f"rejected {place}{more}: {reason}"
    for name in tally.missing:
        yield f"no record has a field {name!r}, which --column names"
    if tally.retimed:
        yield f"{tally.retimed:,} are older than Mayday keeps errors, or ahead of its clock: they count as of now"
