"""The records of a body, whatever its type says: a list, a record a line (NDJSON), records one after the other or over
several lines, plain lines, or all of them mixed. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from api.http.problems import Invalid
from api.ingest.receivers.building import read_json
from api.ingest.receivers.items import Rejected
from api.ingest.receivers.json_bounds import VALUES_READ, find_end
from api.ingest.receivers.json_text import split_list, to_utf8
from common.settings import Settings

RECORDS_MAX = 100_000  # of one body
MESSAGE = "message"
NOT_JSON = "not_json"
JSON_BEGINS = re.compile(rb'\{|\[\s*+(?:[\[{"\]]|\Z)')  # unlike "[error] it failed"
# Lists of records that are the one thing that an object holds.
WRAPPERS = ("errors", "events", "logEvents", "records", "logs", "entries", "Records", "messages", "hits", "data")


class Sent(NamedTuple):
    """A record, and what was adjusted to read it; a plain line is one of a message alone."""

    record: Mapping[str, Any]
    is_plain: bool = False
    adjustments: int = 0


Walk = Callable[[bytes, Settings], Iterator[Sent | Rejected]]  # over the records of a body in one form


def read_records(body: bytes, settings: Settings, walk: Walk | None = None) -> Iterator[Sent | Rejected]:
    """The records of a body of text, or of another form that `walk` reads. Raises Invalid where a body has more records than
    are taken at once, BodyTooLarge."""
    for number, sent in enumerate(walk(body, settings) if walk else walk_records(to_utf8(body), settings)):
        if number >= RECORDS_MAX:
            raise Invalid(f"over {RECORDS_MAX:,} records in one request: send less at once")
        yield sent


def walk_records(text: bytes, settings: Settings) -> Iterator[Sent | Rejected]:
    place, end, may_span = 0, len(text), True
    while (start := skip_blanks(text, place)) < end:
        line_end = text.find(b"\n", start)
        line_end = end if line_end < 0 else line_end
        line = text[start:line_end]
        if JSON_BEGINS.match(line) is None:
            # with its blanks, by which the lines of a trace are known
            yield plain(text[max(text.rfind(b"\n", place, start) + 1, place) : line_end])
            place = line_end
            continue
        found, place = read_value(line, settings), line_end
        if found is None and may_span:
            try:
                value_end = find_end(text, start)
            except ValueError:
                may_span = False  # no other place is searched for an end that is not there
            else:
                if (found := read_value(text[start:value_end], settings)) is not None:
                    place = value_end
        if found is not None:
            yield from found
        else:
            yield plain(line) if line[:1] == b"[" else Rejected(NOT_JSON, "it begins as a JSON object and is none")


def skip_blanks(text: bytes, place: int) -> int:
    """The next place with something other than blanks, and the commas between records."""
    while text[place : place + 1] in (b" ", b"\t", b"\r", b"\n", b",", b"\x1e", b"\x00"):
        place += 1
    return place


def plain(line: bytes) -> Sent:
    return Sent({MESSAGE: line.rstrip(b"\r").decode(errors="replace")}, is_plain=True)


def read_value(raw: bytes, settings: Settings) -> list[Sent | Rejected] | None:
    """The records of a JSON text, an object or a list of them; None where it is none."""
    raw = raw.strip()
    if raw[:1] == b"[":
        try:
            items = split_list(raw, RECORDS_MAX)
        except ValueError:
            return None
        if len(items) > RECORDS_MAX:
            raise Invalid(f"over {RECORDS_MAX:,} records in one list: send less at once")
        return [sent for item in items for sent in read_item(item, settings)]
    try:
        return records_of(*read_bounded(raw, settings))
    except ValueError:
        return None


def read_item(raw: bytes, settings: Settings) -> list[Sent | Rejected]:
    """What one item of a list is."""
    try:
        return records_of(*read_bounded(raw, settings))
    except ValueError as error:
        return [Rejected(NOT_JSON, f"not JSON: {error}")]


def read_bounded(raw: bytes, settings: Settings) -> tuple[Any, int]:
    """Raises ValueError."""
    try:
        return read_json(raw, depth=settings.json_max_depth, values=max(settings.json_max_keys, VALUES_READ))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def records_of(value: Any, adjustments: int) -> list[Sent | Rejected]:
    """The record that a value is, or those that it wraps."""
    if isinstance(value, str):
        return [Sent({MESSAGE: value}, is_plain=True, adjustments=adjustments)]
    if not isinstance(value, dict):
        return [Rejected("not_an_object", "a record is a JSON object or a text")]
    return [Sent(record, adjustments=adjustments) for record in unwrap(value)]


def unwrap(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The records of an object that is a list of them with a name, as cloud providers give them out, each with what the
    object says beside; any other is a record."""
    for name in WRAPPERS:
        inner = value.get(name)
        if (
            isinstance(inner, list)
            and inner
            and all(isinstance(item, dict) for item in inner)
            and not (value.keys() & TOLD)
        ):
            return list(inner)
    return [value]


TOLD = frozenset((MESSAGE, "msg", "log", "level", "severity"))
