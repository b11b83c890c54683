"""The lines of plain logs: by the forms of well-known programs (`forms`), and in all others what stands ahead of the message,
a time, a level, brackets, a logger, in any order. Pure.

No place of a line is passed twice, and only its first characters are looked at for what stands ahead of its message.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from api.ingest.receivers.shipper.forms import (
    ACCESS,
    BY_FIRST,
    COMPOSE,
    HEAD_CHARS,
    LEVEL_WORDS,
    OF_ANY,
    POSTGRES,
    LineForm,
)
from api.ingest.receivers.shipper.times import match_text
from api.ingest.receivers.shipper.traces import UNHANDLED


class Line(NamedTuple):
    """What a line says. `level`: as it is written, where it is; `fields`: by the names that records have them under, the
    time as text among them. `form`: the name of its form, empty where it has none that is known."""

    level: str | None
    message: str
    fields: Mapping[str, str]
    form: str


IS_LEVEL = re.compile(rf"{LEVEL_WORDS}|NOTE|[EWIFDCVT]", re.IGNORECASE)
COMPOSED = re.compile(r"(?P<service>[A-Za-z][\w.-]{0,100})\s{0,60}\| (?P<message>.*)$", re.DOTALL)
ANSI = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")

# What the reader of other lines takes off ahead of the message, each with the blanks and separators before it.
_BLANK = r"[\s|;,-]{0,64}"
TOKEN = re.compile(
    rf"{_BLANK}(?:"
    r"(?:##)?\[(?P<bracket>[^\[\]]{0,200})\]:?"
    r"|\{(?P<caller>[\w./<>-]{1,200}:\d{1,7})\}"
    r"|<(?P<process>\d{1,6}\.\d{1,10}\.\d{1,6})>"
    r"|\((?P<paren>[^()]{1,120})\):?(?=\s)"
    r"|<(?P<angle>[A-Za-z]{1,12})>"
    r"|(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
    rf"|(?P<word>{LEVEL_WORDS}|[EWIFDCVT](?=[\s|/])|E(?=:))(?![\w.$/])(?P<after>:|\s*\||\t| {{2}}|/|(?= [\w.-]{{1,100}} : ))?"
    r"|(?P<pid>\d{1,10})(?= *(?:---|\[|\||-|:|[A-Z]{4,8}\b))"
    r")",
    re.IGNORECASE,
)
# A name that is not of the message: with dots or slashes, or set off by what stands behind it.
LOGGER = re.compile(
    rf"{_BLANK}(?:\[(?P<bracketed>[^\[\]]{{1,200}})\]:?\s{{0,16}})?"
    r"(?P<logger>[A-Za-z_$@][\w$@./<>\\-]{0,200}(?:::?[\w$<>.-]{1,100}){0,8})"
    r"(?: \(null\))?(?P<end>\s{0,60}(?: - |: |\s\| ?|\|)|\t)"
)
DOTTED = re.compile(r"[\w$.<>/\\:-]{1,200}[./\\:][\w$<>-]{1,100}$")
SEPARATOR = re.compile(r"[\s|;]{0,64}(?:-{1,3}|:|\||;)?[\s|;]{0,64}")
TOKENS_MAX = 8
# What a line begins with that has a time or a level first.
TIMED = re.compile(r"[\[({\"']{0,2}(?:\d|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun)")
LEVELLED = re.compile(
    rf" ?(?:\[ ?(?:{LEVEL_WORDS})[\s:\]/]|<(?:{LEVEL_WORDS})>|\((?:{LEVEL_WORDS})\)|\*\*(?:{LEVEL_WORDS})\*\*"
    rf"|(?:{LEVEL_WORDS}) {{0,8}}(?:[:|\t]| - |-{{2,3}} ))",
    re.IGNORECASE,
)
# In capitals alone: "error opening file" is a sentence.
LEVEL_AND_BLANK = re.compile(rf" ?(?:{LEVEL_WORDS}) {{1,8}}(?=\S)")
EXCEPTION_NAMES = ("Error:", "Exception:", "Failure:", "Panic:")  # as headlines have them, not loggers
BROUGHT = re.compile(r"\n(STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION): +")
CLOCK = re.compile(r"\[?(?P<clock>\d\d?:\d\d:\d\d(?:[.,]\d{1,9})?(?: [AP]M)?)(?=[\s\]|])")
EPOCH = re.compile(r"\[?(?P<epoch>\d{10}(?:\.\d{1,9})?|\d{13})(?=[\s\]|])")
# A name between the time and a level, as Python's usual format has it, and the place in a program's source.
NAME_THEN_LEVEL = re.compile(
    rf"{_BLANK}(?P<logger>[A-Za-z_$@][\w$@./<>-]{{0,200}})(?:\[(?P<pid>\d{{1,10}})\])?:? {{0,16}}[-|:]? {{0,16}}"
    rf"(?=\[?(?:{LEVEL_WORDS})\b)"
)
IN_MODULE = re.compile(r"\s{0,8}in (?P<logger>[\w.]{1,100}): ")  # as Flask has it
JAVA_NAME = re.compile(
    rf"{_BLANK}(?P<logger>(?:[a-z_]\w{{0,60}}\.){{1,16}}+[A-Z]\w{{0,100}}(?:\.[\w$<>]{{1,100}}){{0,3}}) (?=\S)"
)
SPANS = re.compile(r"\s?(?P<span>(?:[\w.-]{1,80}\{[^{}]{0,300}\}:){1,8}) (?=[\w:]{1,200}: )")  # of Rust's tracing
_ENDINGS = "go|py|js|ts|mjs|rb|java|kt|cs|rs|cc?|cpp|php|ex"
CALLER = re.compile(rf"{_BLANK}(?P<caller>[\w./<>@-]{{1,200}}\.(?:{_ENDINGS}):\d{{1,7}})(?:: | > |\s)")


def read_line(text: str) -> Line | None:
    """What a line, or the first of several, says ahead of its message; None where that is nothing."""
    if "\x1b" in text:
        text = ANSI.sub("", text)
    head = text[:HEAD_CHARS]
    for form in BY_FIRST.get(head[:1], OF_ANY):
        if form.begins(head) and (found := form.pattern.match(text)):
            return of_form(form, found)
    if UNHANDLED.match(head) or head.startswith(EXCEPTION_NAMES):
        return None
    if TIMED.match(head):
        return read_ahead(text)
    if LEVELLED.match(head) or LEVEL_AND_BLANK.match(head):
        return read_ahead(text)
    if head[:1].isspace() and (inner := head.lstrip())[:1].isdigit():  # the same, set in: Consul and its like
        line = read_ahead(text.lstrip()) if match_text(inner) else None
        return line if line is not None and line.level is not None else None
    if "| " in head[:120] and (found := COMPOSED.match(text)):
        return Line(None, found["message"], {"service": found["service"]}, COMPOSE)
    return None


def of_form(form: LineForm, found: re.Match[str]) -> Line:
    fields = {name: value for name, value in found.groupdict().items() if value and value != "-"}
    message, level = fields.pop("message", ""), fields.pop("level", None)
    if form.name == ACCESS:
        message = found["message"] or ""
        message = message if found.end("level") == found.end("message") else f"{message} {found['level']}"
    if form.name == POSTGRES:
        message, *brought = BROUGHT.split(message)
        fields |= {name.lower(): text for name, text in zip(brought[::2], brought[1::2], strict=True)}
    return Line(form.level(level) if level else None, message, fields, form.name)


class Ahead:
    """What was read so far of what stands ahead of a message."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.level: str | None = None
        self.fields: dict[str, str] = {}
        self.is_timed = False

    def read_stamp(self) -> bool:
        """Take a time off, where one stands here."""
        start = self.place
        while start < len(self.text) and self.text[start] in "[(\"' \t":
            start += 1
        opened = self.text[self.place : start].strip()
        found = match_text(self.text, start) or CLOCK.match(self.text, start) or EPOCH.match(self.text, start)
        if found is None:
            return False
        end = found.end()
        if opened and self.text[end : end + 1] not in ("]", ")", '"', "'", ",", ":", " "):
            return False
        if "clock" not in found.re.groupindex:
            self.fields["timestamp"] = found[0].strip("[]")
        self.place = end + (1 if self.text[end : end + 1] in ("]", ")", '"', "'") else 0)
        self.is_timed = True
        return True

    def read_token(self) -> bool:
        """Take the next thing off that is not of the message; False where the message begins."""
        found = TOKEN.match(self.text, self.place)
        if found is None:
            return self.take_name()
        kind = str(found.lastgroup if found.lastgroup != "after" else "word")
        value = str(found[kind]).strip()
        if kind == "word":
            return self.take_word(found, value)
        if kind in ("bracket", "paren", "angle"):
            return self.take_bracket(found, value)
        if kind == "pid" and self.level is not None and not self.text.startswith((" ---", " -"), found.end()):
            return False
        self.fields.setdefault({"uuid": "request_id"}.get(kind, kind), value)
        self.place = found.end()
        return True

    def take_name(self) -> bool:
        """A name that has a level behind it."""
        found = NAME_THEN_LEVEL.match(self.text, self.place) if self.level is None else None
        if found is None:
            return False
        self.fields |= {name: value for name, value in found.groupdict().items() if value}
        self.place = found.end()
        return True

    def take_word(self, found: re.Match[str], word: str) -> bool:
        """A level. In small letters and with nothing behind it, it is of the message as well."""
        if self.level is not None:
            return False
        self.level = word
        if word.isupper() or found["after"] is not None:
            self.place = found.end()
            return True
        return False

    def take_bracket(self, found: re.Match[str], inner: str) -> bool:
        """A level, a time, or who says it: a thread, a process, a request."""
        if self.level is None and (level := level_within(inner)):
            self.level = level
        elif not self.level and not self.is_timed:
            return False
        elif match_text(inner):
            self.fields.setdefault("timestamp", inner)
        elif inner.isdigit():
            self.fields.setdefault("pid", inner)
        elif inner:
            self.fields.setdefault("thread" if "thread" not in self.fields else "logger", inner)
        self.place = found.end()
        return True

    def read_class(self) -> None:
        """A Java class, or a method of one, with nothing but a blank behind it."""
        if found := JAVA_NAME.match(self.text, self.place):
            self.fields.setdefault("logger", found["logger"])
            self.place = found.end()

    def read_caller(self) -> None:
        """The file and line that log, as Go and zap have them."""
        if found := CALLER.match(self.text, self.place):
            self.fields["caller"] = found["caller"]
            self.place = found.end()

    def read_spans(self) -> None:
        """What was going on, as Rust's tracing has it ahead of the logger."""
        if found := SPANS.match(self.text, self.place):
            self.fields["span"] = found["span"].rstrip(":")
            self.place = found.end()

    def read_logger(self) -> None:
        """A logger ahead of ` - `, `: `, `|` or a tab."""
        found = IN_MODULE.match(self.text, self.place)
        if found is not None:
            self.fields.setdefault("logger", found["logger"])
            self.place = found.end()
            return
        found = LOGGER.match(self.text, self.place)
        if found is None:
            return
        name = found["logger"]
        is_set_off = found["end"] != ": " or bool(DOTTED.match(name)) or bool(found["bracketed"])
        if not is_set_off or name.lower() in ("http", "https", "caused by"):
            return
        self.fields["logger"] = name
        self.place = found.end()


def level_within(inner: str) -> str | None:
    """The level in brackets, which may stand beside other words: `[ERROR]`, `[main:error]`, `[error/worker]`."""
    parts = re.split(r"[/: ]", inner[:HEAD_CHARS])
    return next((part for part in (inner, parts[-1], parts[0]) if IS_LEVEL.fullmatch(part)), None)


def read_ahead(text: str) -> Line | None:
    """Time, level, brackets and logger in any order; None where there is neither a time nor a level."""
    ahead = Ahead(text)
    for _ in range(TOKENS_MAX):
        if not ((not ahead.fields.get("timestamp") and ahead.read_stamp()) or ahead.read_token()):
            break
    if ahead.level is None and not ahead.is_timed:
        return None
    ahead.read_caller()
    ahead.read_spans()
    if ahead.level is not None and "caller" not in ahead.fields:
        ahead.read_logger()
        ahead.read_class()
        ahead.read_caller()
    separated = SEPARATOR.match(text, ahead.place)
    message = text[separated.end() if separated else ahead.place :]
    return Line(ahead.level, message, ahead.fields, "")
