"""Which lines of the log a terminal is shown, and how: warnings and failures in a sentence each, all with `--verbose`."""

import json
import time
from typing import Any

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from api.reads.cells import write_out
from common.logs import escape_controls

MATTERS = {"warning", "error", "critical"}
QUIET_SECONDS = 60.0  # in which the same is not said again
LINE_CHARS = 240
LEFT_OUT = {"event", "level", "timestamp", "program", "exception", "exc_info", "stack", "job_id", "request_id"}


class Matters:
    """What was said lately, so that the same is said once a minute with how often it came."""

    def __init__(self) -> None:
        self.said_at: dict[tuple[str, str], float] = {}
        self.since: dict[tuple[str, str], int] = {}

    def pick(self, line: str) -> str:
        """A sentence for a line that matters; empty for others, and for one that was said a moment ago."""
        entry = read_entry(line)
        if entry is None or entry.get("level") not in MATTERS:
            return ""
        name = str(entry.get("program", "")), str(entry.get("event", ""))
        now = time.monotonic()
        if now - self.said_at.get(name, -QUIET_SECONDS) < QUIET_SECONDS:
            self.since[name] = self.since.get(name, 0) + 1
            return ""
        self.said_at[name], more = now, self.since.pop(name, 0)
        return describe(entry) + (f" ({more} more in between)" if more else "")


def read_entry(line: str) -> dict[str, Any] | None:
    """The line's fields; None where it is none of our programs'."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def describe(entry: dict[str, Any]) -> str:
    """One line: which program, how bad, what, and with which values."""
    values = " ".join(f"{name}={value}" for name, value in entry.items() if name not in LEFT_OUT)
    said = f"{entry.get('program', '')} {entry.get('level')}: {entry.get('event')} {values}".strip()
    return write_out(said if len(said) <= LINE_CHARS else f"{said[:LINE_CHARS]}...")


render = ConsoleRenderer(exception_formatter=plain_traceback)


def show_whole(line: str) -> str:
    """The line as programs write it on a terminal; what is none of theirs as it is, nothing in it obeyed."""
    entry = read_entry(line)
    if entry is None:
        return write_out(line)
    exception = entry.pop("exception", None)
    shown = render(structlog.get_logger(), "", escape_controls(None, "", entry))
    return shown + (f"\n  {write_out(json.dumps(exception))}" if exception else "")
