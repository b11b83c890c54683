"""Joins the lines that make one record: traces and messages over several lines, of one source at a time. Pure.

Programs write a trace after the line that reports it; those who carry logs bring each line by itself, often with a time
ahead of each. A line that has a time or a level begins a record, unless it holds only a frame; any other continues the one
before where that had a time or a level, or where it belongs to a trace. What opens a trace that nothing handled begins a
record of its own, whatever stood before it.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from api.ingest.receivers.shipper.forms import ACCESS, ANDROID, CARRIERS, JUL_HEAD, JUL_SECOND
from api.ingest.receivers.shipper.judging import is_generic
from api.ingest.receivers.shipper.levels import SEVERITIES, read_word
from api.ingest.receivers.shipper.lines import Line, read_line
from api.ingest.receivers.shipper.logfmt import read_pairs
from api.ingest.receivers.shipper.names import Record
from api.ingest.receivers.shipper.opening import LINE_KEYS, has_level, read_object
from api.ingest.receivers.shipper.traces import (
    BROUGHT_ALONG,
    GROUP_START,
    PYTHON_START,
    is_frame,
    is_head,
    is_unhandled,
    is_within,
    may_be_of_trace,
    opens_trace,
)
from common.severities import Severity

SOURCES_MAX = 200  # records that are open at once
LINES_MAX, CHARS_MAX = 3_000, 2**19  # of one record; what comes beyond is left out
CHAIN = ("During handling of the above", "The above exception was", "Caused by", "caused by")
WAITING_MAX = 8  # lines between what opens a trace and its frames
# By what one source is told from another.
SOURCE_NAMES = (
    "containerid", "containername", "container.name", "container.id", "kubernetes.podname", "kubernetes.pod.name",
    "kubernetes.containername", "kubernetes.container.name", "docker.containerid", "stream", "pid", "syslogidentifier", "source",
    "host", "hostname", "host.name", "log.file.path", "file", "filename", "tag", "programname", "program", "logstream",
    "syslogtag",
)  # fmt: skip
NO_SOURCE: tuple[str, ...] = ()

Sent = Mapping[str, Any]


class Whole(NamedTuple):
    """A record that no more lines belong to, and its level where its first line names one."""

    record: Sent
    level: Severity | None = None
    adjustments: int = 0


@dataclass(slots=True)
class Open:
    """A record that more lines may belong to."""

    record: Sent
    key: str
    lines: list[str]
    level: Severity | None
    is_begun: bool  # with a time or a level
    is_blank: bool = False
    is_partial: bool = False
    in_trace: bool = False
    kind: str = ""
    waiting: int = 0
    chars: int = 0
    message: str = ""
    last: str = ""
    seen_head: bool = False
    moment: Line | None = None  # who said it and when, as its first line has it

    def close(self) -> "Whole":
        """The record with all its lines."""
        if len(self.lines) == 1 and self.record.get(self.key) == self.lines[0]:
            return Whole(self.record, self.level)
        while len(self.lines) > 1 and not self.lines[-1].strip():
            self.lines.pop()
        return Whole({**self.record, self.key: "\n".join(self.lines)}, self.level)

    def add(self, text: str) -> None:
        """One line more, where it is not too much."""
        if self.is_partial:
            self.lines[-1] += text
        elif len(self.lines) < LINES_MAX and self.chars < CHARS_MAX:
            self.lines.append(text)
        self.chars += len(text)
        self.note(text)

    def note(self, text: str) -> None:
        """What a line says of where in a trace this is."""
        stripped = text.strip()
        if not stripped:
            return
        self.last = stripped
        if not (self.in_trace or self.waiting or may_be_of_trace(stripped)):
            return
        if PYTHON_START in text:
            self.in_trace, self.kind, self.seen_head = True, "python", False
        elif stripped.startswith(("panic: ", "fatal error: ", "goroutine ")) or "panic serving" in text:
            self.in_trace, self.kind = True, "go"
        elif is_unhandled(text):
            self.in_trace, self.kind, self.waiting = True, self.kind or "unhandled", WAITING_MAX
        elif is_frame(text):
            self.in_trace, self.waiting = True, 0
        elif self.in_trace and self.kind == "python" and not text[:1].isspace():
            self.seen_head = True
        elif is_head(text) and not self.in_trace:
            self.waiting = WAITING_MAX
        elif self.waiting:
            self.waiting -= 1


class Joiner:
    """Joins the records of one input, or of one request."""

    def __init__(self) -> None:
        self.open: OrderedDict[tuple[str, ...], Open] = OrderedDict()
        self.last_times: OrderedDict[tuple[str, ...], str] = OrderedDict()

    def feed(self, record: Sent, key: str | None = None) -> Iterator[Whole]:
        """Take the next record in, and give those that are whole by now. `key` is the field with its line where the record
        has nothing else."""
        is_plain, key = key is not None, key or bare_key(record)
        if key is None and not self.open:
            yield Whole(record)
            return
        source = NO_SOURCE if is_plain else source_of(record)
        if key is None:
            if (before := self.open.pop(source, None)) is not None:
                yield before.close()
            yield Whole(record)
            return
        yield from self.feed_line(record, key, source)

    def feed_line(self, record: Sent, key: str, source: tuple[str, ...]) -> Iterator[Whole]:
        text = str(record[key]).rstrip("\r\n")
        line, inner, is_partial = read_carried(text)
        if line is not None and line.form in CARRIERS:
            source = (*source, *(line.fields.get(name, "") for name in ("host", "service", "pid", "stream")))
        before = self.open.get(source)
        if before is not None and (added := continues(before, text, line, inner)) is not None:
            before.add(added)
            before.is_partial = is_partial
            return
        if before is not None:
            del self.open[source]
            yield before.close()
        record = self.with_time(record, source, inner)
        self.open[source] = begin(record, key, text, line, inner, is_partial=is_partial)
        if len(self.open) > SOURCES_MAX:
            yield self.open.popitem(last=False)[1].close()

    def with_time(self, record: Sent, source: tuple[str, ...], line: Line | None) -> Sent:
        """The record, at the time of the line before where it has none: a trace that nothing handled is printed without."""
        at = line.fields.get("timestamp") if line is not None else None
        if at is not None:
            self.last_times[source] = at
            self.last_times.move_to_end(source)
            if len(self.last_times) > SOURCES_MAX:
                self.last_times.popitem(last=False)
        elif len(record) == 1 and source in self.last_times:
            return {**record, "timestamp": self.last_times[source]}
        return record

    def flush(self) -> Iterator[Whole]:
        """All that are open: nothing more belongs to them."""
        while self.open:
            yield self.open.popitem(last=False)[1].close()


def bare_key(record: Sent) -> str | None:
    """The field with the line of a record that knows nothing else of it; None where the logger made a record itself."""
    if has_level(record):
        return None
    for key in LINE_KEYS:
        text = record.get(key)
        if isinstance(text, str) and text.lstrip()[:1] != "{":
            return key if "\n" not in text.rstrip("\r\n") else None
    return None


def source_of(record: Sent) -> tuple[str, ...]:
    fields = Record(record)
    return tuple(str(fields.look(name)) for name in SOURCE_NAMES if name in fields.paths)


def read_carried(text: str) -> tuple[Line | None, Line | None, bool]:
    """The line, the line that it carries where it is a carrier's (else itself), and whether its rest comes with the next."""
    line = read_line(text)
    if line is None or line.form not in CARRIERS:
        return line, line, False
    inner = line
    for _ in range(3):
        nested = read_line(inner.message)
        if nested is None:
            break
        inner = nested
    return line, inner, line.fields.get("partial") == "P"


def level_of(line: Line | None) -> Severity | None:
    word = read_word(line.level) if line is not None and line.level else None
    return SEVERITIES[word] if word else None


def moment_of(line: Line | None) -> Line | None:
    """Who says a line, how bad it is and when, where it has a time."""
    return line._replace(message="") if line is not None and "timestamp" in line.fields else None


def begin(record: Sent, key: str, text: str, line: Line | None, inner: Line | None, *, is_partial: bool) -> Open:
    is_carried = line is not None and line.form in CARRIERS
    message = inner.message if inner is not None else text
    is_access = inner is not None and inner.form == ACCESS  # a line of which no other is a part
    is_begun = line is not None and not (is_carried and inner is line) and not is_access
    opened = Open(
        record, key, [text], level_of(inner), is_begun or JUL_HEAD.match(text) is not None,
        is_blank=not message.strip(), is_partial=is_partial, chars=len(text), message=message,
        moment=moment_of(line),
    )  # fmt: skip
    opened.note(message)
    return opened


def continues(before: Open, text: str, line: Line | None, inner: Line | None) -> str | None:
    """What to add to the record that is open; None where another begins."""
    if before.is_partial:
        return line.message if line is not None else text
    if line is None:
        return text if continues_bare(before, text) else None
    message = inner.message if inner is not None else text
    if line.form in CARRIERS and inner is line:
        return message if continues_bare(before, message) else None
    if (written := goes_with(before, text, line, inner)) is not None:
        return written
    level = level_of(inner)
    if level is not None and level != before.level:
        return None
    if inner is not None and inner.form == ".NET":
        return None
    if level is not None and not before.is_blank and message.strip() and not may_be_of_trace(message):
        return None
    belongs = is_frame(message) or (before.in_trace and bool(message.strip()) and is_within(message))
    if level is not None:
        belongs = belongs or before.is_blank or not message.strip()
        before.is_blank = before.is_blank and not message.strip()
    return message if belongs else None


def goes_with(before: Open, text: str, line: Line, inner: Line | None) -> str | None:
    """What to add of a line that some programs write with the one before, each with what stands ahead of it."""
    if before.level is None and JUL_HEAD.match(before.lines[0]) and JUL_SECOND.match(text):
        before.level, before.message = level_of(line), line.message
        return text
    if line.form == ANDROID and before.moment is not None and moment_of(line) == before.moment:
        return line.message  # each line of a message by itself, all at one moment
    if inner is not None and BROUGHT_ALONG.match(f"{inner.level}: ") and before.is_begun:
        return f"{inner.level}: {inner.message}"
    return None


def continues_bare(before: Open, text: str) -> bool:
    """Whether a line without time and level belongs to the record that is open."""
    if not text.strip() or (before.last.startswith(CHAIN) and not is_unhandled(text)):
        return True
    if text[0] in " \t" and GROUP_START not in text:
        return True
    if begins_record(text):
        return False
    if text.startswith("** (") and before.level is not None and before.level > Severity.info and not before.in_trace:
        return True  # of Elixir, which prints it alone as well
    if is_unhandled(text):
        return before.kind == "go" and text.startswith(("fatal error: ", "panic: ")) is False and not before.is_begun
    if before.in_trace and (before.kind == "go" or is_within(text)) and PYTHON_START not in text:
        return True
    if opens_trace(text):
        return continues_with_trace(before, text)
    if before.kind == "python" and not before.seen_head:
        return True
    return before.is_begun or before.waiting > 0


def begins_record(text: str) -> bool:
    """Whether a line is an object of JSON or pairs of logfmt."""
    return (text[0] == "{" and text[-1] == "}" and read_object(text) is not None) or read_pairs(text) is not None


def continues_with_trace(before: Open, text: str) -> bool:
    """Whether a trace is that of the record that is open. One of a record below a warning is its own, since it is what a
    program prints that ends; but at level debug exceptions are logged that were expected."""
    if before.in_trace:
        is_headline = is_head(text)
        return is_headline and (before.waiting > 0 or (before.kind == "python" and not before.seen_head))
    if before.waiting and is_head(text):
        return before.is_begun and is_generic(before.message)  # "Exception", and then what it is
    if before.level is None:
        return before.is_begun and not before.message.strip()
    return before.level != Severity.info
