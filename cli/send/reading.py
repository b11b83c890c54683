"""From files to errors with ids. Pure but for reading.

An id is made of the error's text, its place among equal ones, and the file's name and time of change; it is a UUIDv7
whose time is that of the file. So an error without a time of its own gets the same id and the same time whenever the
file is sent, and Mayday knows it again. A file that was changed since is another file.
"""

import csv
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

FIELDS = (
    "service", "severity", "message", "event_id", "timestamp", "error_type", "stack_trace", "environment", "release",
    "fingerprint",
)  # fmt: skip
ENDINGS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv"}


class Form(StrEnum):
    """How an input is written."""

    auto = "auto"
    ndjson = "ndjson"
    csv = "csv"
    plain = "plain"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What errors have that do not say it themselves; `columns` maps fields to columns of CSV."""

    service: str
    severity: str
    environment: str | None = None
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One error as JSON, and where it stood."""

    place: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ItemUnreadable:
    """A line that is no error, and why."""

    place: str
    reason: str


def read_lines(path: Path | None, form: Form, defaults: Defaults) -> Iterator[Line | ItemUnreadable]:
    """The errors of one input; standard input for None."""
    if form is Form.auto:
        form = Form(ENDINGS.get(path.suffix.lower(), "plain")) if path else Form.plain
    if path is None:
        yield from number_items(read_items(sys.stdin, form, defaults), "stdin", time.time_ns() // 1_000_000)
        return
    with path.open(encoding="utf-8", errors="replace", newline="" if form is Form.csv else None) as file:
        changed_ms = path.stat().st_mtime_ns // 1_000_000
        yield from number_items(read_items(file, form, defaults), path.name, changed_ms)


Item = dict[str, Any] | str


def read_items(file: Iterable[str], form: Form, defaults: Defaults) -> Iterator[Item]:
    """Errors as dictionaries, or the reason why one cannot be read, in the order of the input."""
    match form:
        case Form.ndjson:
            items: Iterator[Item] = (parse_json(line) for line in file if line.strip())
        case Form.csv:
            items = (from_row(row, defaults.columns) for row in csv.DictReader(file))
        case _:
            items = ({"message": line.rstrip("\r\n")} for line in file if line.strip())
    for item in items:
        yield item if isinstance(item, str) else complete(item, defaults)


def parse_json(line: str) -> Item:
    try:
        item = json.loads(line)
    except ValueError as error:
        return f"not JSON: {error}"
    return item if isinstance(item, dict) else "not a JSON object"


def from_row(row: dict[Any, Any], columns: dict[str, str]) -> Item:
    """Known columns are fields, the others go into the context; empty cells are left out."""
    fields = {columns.get(name, name): name for name in FIELDS}
    cells = {key: value for key, value in row.items() if isinstance(key, str) and value not in (None, "")}
    item: dict[str, Any] = {name: cells.pop(column) for column, name in fields.items() if column in cells}
    if cells:
        item["context"] = cells
    return item


def complete(item: dict[str, Any], defaults: Defaults) -> dict[str, Any]:
    given = {"service": defaults.service, "severity": defaults.severity, "environment": defaults.environment}
    return {name: value for name, value in given.items() if value is not None} | item


def number_items(items: Iterable[Item], source: str, changed_ms: int) -> Iterator[Line | ItemUnreadable]:
    """Give each error its id, unless it has one."""
    seen: Counter[bytes] = Counter()
    for number, item in enumerate(items, 1):
        place = f"{source}:{number}"
        if isinstance(item, str):
            yield ItemUnreadable(place, item)
            continue
        digest = hashlib.blake2b(dump(item), key=source.encode()[:64], digest_size=16).digest()
        seen[digest] += 1
        event_id = str(make_id(digest, seen[digest], changed_ms))
        yield Line(place, dump({"event_id": event_id} | item))


def make_id(digest: bytes, occurrence: int, milliseconds: int) -> UUID:
    """A UUIDv7 (RFC 9562, 5.7) whose random bits are a hash."""
    tail = int.from_bytes(hashlib.blake2b(digest + occurrence.to_bytes(8), digest_size=16).digest())
    value = (milliseconds & (2**48 - 1)) << 80 | tail & (2**80 - 1)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def dump(item: Any) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode()
