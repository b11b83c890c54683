"""`mayday tail`: errors as they come. What is live is polled by ETag, which costs the server next to nothing while nothing
comes; more than one poll shows is fetched page by page, also what came while the server was away."""

import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from api.reads.cells import show_unseen
from cli.client import Api, ApiFailed, ReadKey, Url, connected
from cli.looking.patterns import SeverityName
from cli.looking.references import find_pattern_id, shorten
from cli.output import STYLES, Json, is_terminal, make_console, print_json, print_lines, read_time, show_time
from common.keys import Scope
from common.settings import Settings

Error = dict[str, Any]
Keep = Callable[[Error], bool]
Writer = Callable[[Error], None]

RECENT = "/api/errors/recent"
PAGE = 200
PAGES_MAX = 25  # that are walked for what one poll did not show
SEEN_MAX = 50_000
LONGEST_PAUSE_SECONDS = 5.0
COLUMNS = ("timestamp", "severity", "service", "environment", "release", "id", "message")


def tail(
    filter_text: Annotated[
        str | None, typer.Option("--filter", help="Only errors whose message or type has this, in any case.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="Of this service only.")] = None,
    severity: SeverityName = None,
    environment: Annotated[str | None, typer.Option(help="Of this environment only.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Of this pattern only: id, part of one, or number.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=PAGE, help="Earlier errors to begin with.")] = 10,
    interval_seconds: Annotated[float, typer.Option(min=0.2, max=60, help="Pause between two looks.")] = 1.0,
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """Print errors as they come, until Ctrl-C. A server that goes away is waited for, and what came meanwhile is shown."""
    with connected(Scope.read, url, key) as api:
        pattern_id = find_pattern_id(api, Settings.load(), pattern) if pattern else None
        asked = {"service": service, "severity": severity, "environment": environment, "pattern": pattern_id}
        follower = Follower(api, {name: value for name, value in asked.items() if value is not None})
        try:
            print_all(follower, keeps(filter_text), choose_writer(as_json), lines, interval_seconds)
        except KeyboardInterrupt as wish:
            raise typer.Exit(128 + signal.SIGINT) from wish


def print_all(follower: "Follower", keep: Keep, write: Writer, lines: int, interval_seconds: float) -> None:
    """Some of what there is, and what comes, for ever."""
    first = [error for error in follower.poll() if keep(error)]
    if write is write_cells:
        print_lines([COLUMNS])
    for error in first[-lines:] if lines else []:
        write(error)
    for error in follow(follower, interval_seconds):
        if keep(error):
            write(error)


def choose_writer(as_json: bool) -> Writer:
    return write_json if as_json else write_line if is_terminal() else write_cells


def keeps(filter_text: str | None) -> Keep:
    """Whether an error is wanted, by its texts."""
    wanted = (filter_text or "").casefold()
    return lambda error: wanted in f"{error['error_type'] or ''}: {error['message']}".casefold()


def follow(follower: "Follower", interval_seconds: float) -> Iterator[Error]:
    """What comes, for ever. While the server does not answer, or not now, that is said once and it is tried again. Raises
    ApiFailed for what will not pass."""
    failures = 0
    while True:
        time.sleep(interval_seconds)
        try:
            came = follower.poll()
        except ApiFailed as error:
            if not error.may_pass:
                raise
            failures += 1
            if failures == 1:
                typer.echo(f"mayday: {error}; tried again until it does", err=True)
            time.sleep(max(error.retry_after_seconds, min(LONGEST_PAUSE_SECONDS, interval_seconds * failures)))
            continue
        if failures:
            typer.echo("mayday: it answers again", err=True)
            failures = 0
        if follower.is_behind:
            typer.echo(f"mayday: more came than {PAGE * PAGES_MAX:,}: the oldest of them are left out", err=True)
        yield from came


@dataclass(slots=True)
class Follower:
    """What was seen so far of the errors that are asked for."""

    api: Api
    asked: dict[str, Any]
    etag: str = ""
    newest: str = ""  # time of the newest error that was seen
    seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    is_behind: bool = False  # whether the last poll left something out

    def poll(self) -> list[Error]:
        """What came since the last poll, the oldest first; at the first one what there is, a page at most. Raises
        ApiFailed, and then the next poll brings what this one would have."""
        headers = {"If-None-Match": self.etag} if self.etag else {}
        answer = self.api.ask("GET", RECENT, params=self.asked | {"limit": PAGE}, headers=headers)
        self.is_behind = False
        if answer.status_code == 304:
            return []
        latest: list[Error] = answer.json()["errors"]
        came = [error for error in latest if error["id"] not in self.seen]
        if self.seen and len(came) == len(latest) == PAGE:
            came = self.fetch_all(came)
        self.etag = answer.headers.get("ETag", "")
        self.note(came)
        return came[::-1]

    def fetch_all(self, came: list[Error]) -> list[Error]:
        """Add what came before these, back to what was seen: by pages of the list, which new errors do not move."""
        until = read_time(came[-1]["timestamp"]) + timedelta(microseconds=1)
        found = {error["id"]: error for error in came}
        params = self.asked | {"since": self.newest, "until": until.isoformat(), "limit": PAGE}
        for _ in range(PAGES_MAX):
            page = self.api.get("/api/errors", **params)
            found |= {error["id"]: error for error in page["errors"] if error["id"] not in self.seen}
            if page["next"] is None:
                return list(found.values())
            params["cursor"] = page["next"]
        self.is_behind = True
        return list(found.values())

    def note(self, came: list[Error]) -> None:
        self.seen |= dict.fromkeys(error["id"] for error in reversed(came))
        while len(self.seen) > SEEN_MAX:
            self.seen.popitem(last=False)
        times = [error["timestamp"] for error in came] + ([self.newest] if self.newest else [])
        self.newest = max(times, key=read_time, default="")


def write_json(error: Error) -> None:
    print_json(error)


def write_cells(error: Error) -> None:
    print_lines([[error[name] for name in COLUMNS]])


def write_line(error: Error) -> None:
    """Time, severity, service and message; its id at the end, as `show` takes it."""
    line = Text(show_time(error["timestamp"])[11:], style="dim")
    line.append(f" {error['severity']:<8} ", style=STYLES.get(error["severity"], ""))
    line.append(f"{show_unseen(error['service'])} ", style="bold")
    line.append(show_unseen(f"{error['error_type']}: {error['message']}" if error["error_type"] else error["message"]))
    line.append(f"  {shorten(error['id'])}", style="dim")
    make_console().print(line, soft_wrap=True)
    sys.stdout.flush()
