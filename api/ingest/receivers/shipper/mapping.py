"""From a log record to an error: one definition for all that sends logs, the route of shippers and `./mayday send`. Pure.

A record is what a line of JSON says, or `{"message": ...}` of a plain line, which is read as well (`lines`). Each field is
looked for under the names that loggers give it (`names`); what is left is context. A record below the level that is asked
for is discarded; one that names none is judged by what it says (`judge`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from api.ingest.receivers.building import build_error
from api.ingest.receivers.items import Parsed, Rejected
from api.ingest.receivers.plain import Json, PlainError
from api.ingest.receivers.shipper import names
from api.ingest.receivers.shipper.failures import Failure, read_name, take_failure
from api.ingest.receivers.shipper.joining import Whole
from api.ingest.receivers.shipper.judging import is_generic, judge
from api.ingest.receivers.shipper.levels import SEVERITIES, read_level
from api.ingest.receivers.shipper.lines import ANSI
from api.ingest.receivers.shipper.names import Record, normalize
from api.ingest.receivers.shipper.opening import JSON_CHARS, open_message
from api.ingest.receivers.shipper.requests import describe_request
from api.ingest.receivers.shipper.times import Clock, read_time
from api.ingest.receivers.shipper.traces import find_raised
from common.severities import Severity, SeverityWord

BELOW_LEVEL, WITHOUT_LEVEL = "below_level", "without_level"
PID = re.compile(r"\[\d{1,10}\]:?$|:$")


class Discarded(NamedTuple):
    """A record that is no error: below the level, or without one and nothing that failed."""

    what: str


Mapped = Parsed[PlainError[Json]] | Discarded | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingOptions:
    """What records are read by. `level`: the least that is kept. `severity`: that of records that name none; they are
    judged by what they say where it is None. `columns`: which field of the record holds a field of an error. `now` is what
    times without a year are near to. `needs_message`: whether a record without one is rejected; else its JSON is it."""

    level: Severity = Severity.error
    service: str = "unknown"
    environment: str | None = None
    severity: SeverityWord | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    needs_message: bool = False
    now: datetime
    zone: tzinfo = UTC


def map_whole(whole: Whole, options: MappingOptions) -> Mapped:
    """As `map_record`, of one whose level is known where its first line names it."""
    if whole.level is not None and whole.level < options.level:
        return Discarded(BELOW_LEVEL)
    return map_record(whole.record, options, whole.adjustments)


def is_below(sent: Mapping[str, Any], options: MappingOptions) -> bool:
    """Whether a record is below the level for certain, told without looking into it."""
    word = sent.get("level")
    if not isinstance(word, str) or options.columns or "log.level" in sent:
        return False
    severity = read_level(word, "level") if not word.isdigit() else None
    message = sent.get("message") or sent.get("msg")
    return (
        severity is not None
        and SEVERITIES[severity] < options.level
        and isinstance(message, str)
        and message[:1] != "{"
    )


def map_record(sent: Mapping[str, Any], options: MappingOptions, adjustments: int = 0) -> Mapped:
    """The error that a record is, or why it is none."""
    if is_below(sent, options):
        return Discarded(BELOW_LEVEL)
    record = Record(open_message(sent, options.columns.get("message")))
    names_of = NamesOf(options.columns)
    said = take_severity(record, names_of)
    if said is not None and SEVERITIES[said] < options.level and not is_transport(record):
        return Discarded(BELOW_LEVEL)
    failure = take_failure(record)
    message = take_message(record, names_of)
    if not failure.stack and (raised := find_raised(message)) is not None:
        failure = Failure(raised.type or "", raised.message, raised.trace).filled(failure)
        message = raised.before
    severity = "error" if said == "info" and failure.stack else said
    severity = severity or options.severity or judge(message, failure, record)
    if severity is None or SEVERITIES[severity] < options.level:
        return Discarded(WITHOUT_LEVEL if severity is None else BELOW_LEVEL)
    return make_error(record, names_of, failure, severity, message, options, adjustments)


def is_transport(record: Record) -> bool:
    """Whether the level is that of who carried the line: the journal has everything that a service prints at level 6, so
    a trace in it is an error all the same."""
    return "priority" in record.paths and not record.has(("level", "severity", "levelname", "log.level"))


class NamesOf:
    """The names of a field: the one that was told, else those that it usually has."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.told = {name: normalize(column) for name, column in columns.items()}

    def __call__(self, field: str, usual: Sequence[str]) -> Sequence[str]:
        return (self.told[field], *usual) if field in self.told else usual


def make_error(
    record: Record,
    names_of: NamesOf,
    failure: Failure,
    severity: SeverityWord,
    message: str,
    options: MappingOptions,
    adjustments: int,
) -> Mapped:
    """The error of a record that is kept. Its message is that of its exception, as by every other door, so that an error has one
    title whichever way it came; what the log said is context. Where there is no exception, or none that says anything, it is
    the log's, unless that says only that there was one ("Exception in ASGI application")."""
    clock = Clock(options.now, options.zone)
    timestamp = take_time(record, names_of, clock)
    error_type = record.take(names_of("error_type", ()), read_name) or failure.type
    stack = record.take(names_of("stack_trace", ()), lambda value, _: read_message(value)) or failure.stack
    said, failed = message, failure.message or error_type
    is_failure = bool(error_type or stack)
    is_own = is_failure and bool(failure.message or (failed and is_generic(said)))
    message = failed if is_own or not said else said
    service = take_service(record, names_of) or options.service
    environment = record.take(names_of("environment", names.ENVIRONMENTS), read_name) or options.environment
    release = record.take(names_of("release", names.RELEASES), read_scalar)
    fingerprint = record.take(names_of("fingerprint", ("fingerprint",)), read_name)
    event_id = record.take(names_of("event_id", ("eventid",)), read_uuid)
    tags = record.take(("tags",), read_tags)
    message = message or describe_request(record)
    if not message:
        if options.needs_message:
            return Rejected("missing_field", describe_missing(record))
        message = to_json(record.sent, inf_nan_mode="strings", serialize_unknown=True).decode(errors="replace")
    context = context_of(record)
    if said and said != message:
        context["logged"] = said
    if failure.message and failure.message != message and failure.message not in (stack or ""):
        context["error_message"] = failure.message
    return build_error(
        service=service, severity=severity, message=message, event_id=event_id, timestamp=timestamp,
        error_type=error_type or None, stack_trace=stack or None, environment=environment, release=release,
        context=context, tags=tags, fingerprint=fingerprint, adjustments=adjustments,
    )  # fmt: skip


def context_of(record: Record) -> dict[str, Any]:
    """What is left; where that is an object `context` alone, as the native form has it, what is in it."""
    rest = record.rest()
    inner = rest.get("context")
    if not isinstance(inner, dict) or inner.keys() & rest.keys():
        return rest
    del rest["context"]
    return {**rest, **inner}


def take_severity(record: Record, names_of: NamesOf) -> SeverityWord | None:
    """What the record says itself; the level that Serilog leaves out is information, and events of Kubernetes have a type
    instead."""
    is_python = record.has(names.PYTHON_MARKS)
    level: SeverityWord | None = record.take(
        names_of("severity", names_of("level", names.LEVELS)),
        lambda value, name: read_stated(value, name, is_python=is_python),
    )
    is_compact = "@t" in record.sent and ("@mt" in record.sent or "@m" in record.sent)
    if level is None and is_compact:
        return "info"
    if level is None and "involvedObject" in record.sent:
        return "warning" if record.sent.get("type") == "Warning" else "info"
    return level


def read_stated(value: Any, name: str, *, is_python: bool) -> SeverityWord | None:
    """The level in a field of this name."""
    if name in names.WORDS_ALONE and not (isinstance(value, str) and not value.strip().isdigit()):
        return None
    return read_level(value, name, is_python=is_python)


def take_time(record: Record, names_of: NamesOf, clock: Clock) -> datetime | None:
    """When it happened; a day and an hour in two fields are put together."""
    date, time = record.look("date"), record.look("time")
    if isinstance(date, str) and isinstance(time, str) and (at := read_time(f"{date} {time}", clock)):
        return at
    return record.take(names_of("timestamp", names.TIMES), lambda value, _: read_time(value, clock))


def take_service(record: Record, names_of: NamesOf) -> str | None:
    """Which service; of a container or a syslog tag, without what is not of its name."""
    name = record.take(names_of("service", names.SERVICES), read_service)
    if name is None and record.has(("v", "hostname")) and isinstance(record.look("level"), int):
        name = record.take(("name",), read_name)  # bunyan's
    return PID.sub("", name.strip().removeprefix("/")).removesuffix(".service") or None if name else None


TEMPLATE_NAMES = frozenset(("mt", "messagetemplate"))
PLACE = re.compile(r"\{[@$]?(\w{1,80})(?:,-?\d{1,4})?(?::[^{}]{1,40})?\}")


def take_message(record: Record, names_of: NamesOf) -> str:
    """What the log says; the places of a template are filled with what the record has under their names."""

    def read(value: Any, name: str) -> str | None:
        text = read_message(value)
        return PLACE.sub(fill, text) if text and name in TEMPLATE_NAMES else text

    def fill(place: re.Match[str]) -> str:
        value = record.look(normalize(place[1]))
        value = record.look(f"properties.{normalize(place[1])}") if value is None else value
        return place[0] if value is None or isinstance(value, dict | list) else str(value)

    return record.take(names_of("message", names.MESSAGES), read) or ""


def read_message(value: Any) -> str | None:
    """A text; of bytes as a list, as the journal has them, what they say; several texts as lines."""
    if isinstance(value, str):
        text = (ANSI.sub("", value) if "\x1b" in value else value).strip("\r\n").rstrip()
        return (text if "\n" in text else text.strip()) or None
    if isinstance(value, list) and value and len(value) <= JSON_CHARS:
        if all(isinstance(part, int) and 0 <= part < 256 for part in value):
            return read_message(bytes(value).decode(errors="replace"))
        if all(isinstance(part, str) for part in value):
            return "\n".join(value)
    return None


def read_service(value: Any, name: str) -> str | None:
    """A name; under `source` there may be a file or a stream instead."""
    text = read_name(value)
    return None if text and name == "source" and ("/" in text or text in ("stdout", "stderr")) else text


def read_scalar(value: Any, _name: str) -> str | None:
    return read_name(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def read_uuid(value: Any, _name: str) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) <= 45 else None
    except ValueError:
        return None


def read_tags(value: Any, _name: str) -> dict[str, Any] | None:
    """Tags as our own form has them; the lists that shippers have under this name stay context."""
    if not isinstance(value, dict) or any(isinstance(tag, dict | list) for tag in value.values()):
        return None
    return value or None


def describe_missing(record: Record) -> str:
    """Why a record without a message is none, and which of its fields looks like one."""
    if (guess := guess_message(record.sent)) is not None:
        return f"no message: {guess!r} looks like it"
    return "no message: none of its fields is a text"


def guess_message(sent: Mapping[str, Any]) -> str | None:
    """The field with the most words."""
    texts = {key: value for key, value in sent.items() if isinstance(value, str) and value.strip()}
    return max(texts, key=lambda key: (texts[key].count(" "), len(texts[key])), default=None)
