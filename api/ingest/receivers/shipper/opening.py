"""What stands within the message of a record: shippers send the line that they found, which is JSON, logfmt or a plain line,
often within another: syslog around that of a container around JSON. Pure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import from_json

from api.ingest.receivers.json_bounds import is_vast
from api.ingest.receivers.shipper.forms import CARRIERS
from api.ingest.receivers.shipper.lines import Line, read_line
from api.ingest.receivers.shipper.logfmt import read_all_pairs, read_pairs

NESTED_MAX = 4  # lines within lines
JSON_CHARS = 2**20  # a message of more is not read as JSON


class Said(NamedTuple):
    """What a message says when it is read as a line: its fields under those of the record, and the message itself."""

    fields: dict[str, Any]
    message: str


def open_message(sent: Mapping[str, Any], told: str | None) -> Mapping[str, Any]:
    """The record with what its message says: a line of JSON or of a plain log, which shippers send as they found it. What
    the record says itself of level and service counts, unless it is a container's, which knows no level."""
    record: dict[str, Any] = with_original(sent)
    for _ in range(NESTED_MAX):
        found = find_line(record, told)
        if found is None:
            break
        path, said = found
        if said.fields.keys() <= record.keys() and said.message == record.get(path):
            break
        record.pop(path)
        has_instant = any(is_zoned(record.get(name)) for name in ("timestamp", "time", "@timestamp"))
        for name, value in said.fields.items():
            is_closer = name == "level" or (name == "timestamp" and (is_zoned(value) or not has_instant))
            if is_closer or name not in record:
                record[name] = value
        if has_instant and not is_zoned(record.get("timestamp")):
            record.pop("timestamp", None)
        if said.message or "message" not in said.fields:
            record["message"] = said.message
        if not said.message:
            break
    return record


def with_original(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The record; where nothing but `event.original` (ECS) holds its line, with that as its message."""
    record, event = dict(sent), sent.get("event")
    original = sent.get("event.original") or (event.get("original") if isinstance(event, dict) else None)
    if isinstance(original, str) and not any(key in record for key in LINE_KEYS):
        record["message"] = original
    return record


ZONED = re.compile(r"\d(?:Z|[+-]\d\d:?\d\d)$")


def is_zoned(value: Any) -> bool:
    """Whether a time is beyond doubt: a text that names its zone."""
    return isinstance(value, str) and ZONED.search(value[-32:]) is not None


def find_line(record: Mapping[str, Any], told: str | None) -> tuple[str, Said] | None:
    """The field that holds a whole line, and what that says; None where there is none."""
    for key in (told,) if told else LINE_KEYS:
        text = record.get(key)
        if isinstance(text, str) and text.strip():
            said = read_said(text.rstrip("\r\n"), has_level=has_level(record))
            return (key, said) if said is not None else None
    return None


LINE_KEYS = ("log", "message", "MESSAGE", "msg", "textPayload", "line", "body")


def has_level(record: Mapping[str, Any]) -> bool:
    """Whether the logger itself said a level; the priority of the journal and of syslog is that of the transport."""
    return any(name in record for name in LEVEL_KEYS)


LEVEL_KEYS = (
    "level", "severity", "levelname", "log.level", "lvl", "severity_text", "severityText", "loglevel", "@t", "levelno", "Level",
    "LEVEL", "Severity", "LogLevel",
)  # fmt: skip


def read_said(text: str, *, has_level: bool) -> Said | None:
    """What a line says beside its message; None for a message and nothing else."""
    inner = text.lstrip().removeprefix("@cee:").lstrip()
    if inner[:1] == "{" and (value := read_object(inner)) is not None:
        return Said(value, "")
    if has_level:
        return None  # it is a message of its own, whatever it begins with
    line = read_line(text)
    if line is None:
        pairs = read_pairs(text)
        return Said(dict(pairs), "") if pairs else None
    if line.form in CARRIERS:
        return Said(fields_of(line), line.message)
    tail, message = split_tail(line.message)
    if not tail:
        tail, message = split_pairs(line.message)
    return Said(tail | fields_of(line), message)


TAG = re.compile(r"[\w.*-]{1,200}:")
SET_OFF = re.compile(r"(?<=\S) {2,64}(?:\[(?P<logger>[\w.-]{1,200})\] {1,64})?(?P<pairs>[A-Za-z_][\w.]{0,120}=.*)$")


def split_tail(message: str) -> tuple[dict[str, Any], str]:
    """The object at the end of a message's first line, where zap and Monolog write their fields, and the message without."""
    first, _, rest = message.partition("\n")
    first = first.rstrip(" []") if first.endswith("]") else first.rstrip()
    start = max(first.find("\t{"), first.find(' {"'))
    if start < 1 or first[-1:] != "}" or (fields := read_object(first[start + 1 :])) is None:
        return {}, message
    said = first[:start]
    if TAG.fullmatch(said) and any(name in fields for name in LINE_KEYS):
        return {"logger": said[:-1]} | fields, ""  # a tag ahead of a record, as Fluentd prints them
    return fields, f"{said}\n{rest}" if rest else said


def split_pairs(message: str) -> tuple[dict[str, Any], str]:
    """The pairs that are set off by blanks behind a message's first line, as structlog has them for people, and a logger ahead
    of them; and the message without."""
    first, _, rest = message.partition("\n")
    if (found := SET_OFF.search(first)) is None or (pairs := read_all_pairs(found["pairs"])) is None:
        return {}, message
    said = first[: found.start()]
    fields = pairs | ({"logger": found["logger"]} if found["logger"] else {})
    return fields, f"{said}\n{rest}" if rest else said


def fields_of(line: Line) -> dict[str, Any]:
    fields: dict[str, Any] = {name: value for name, value in line.fields.items() if name != "partial"}
    if line.level is not None:
        fields["level"] = line.level
    return fields


def read_object(text: str) -> dict[str, Any] | None:
    """The object that a text is; None for any other, and for one of more than is kept."""
    raw = text.encode(errors="replace")
    if len(text) > JSON_CHARS or is_vast(raw):
        return None
    try:
        value = from_json(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
