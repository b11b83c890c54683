"""What an input is, told by its first bytes: lines (of JSON, logfmt or a plain log, also mixed), JSON over several lines or as
a list, or a table. Pure."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.ingest.receivers.shipper import names
from api.ingest.receivers.shipper.lines import read_line
from api.ingest.receivers.shipper.logfmt import read_pairs
from api.ingest.receivers.shipper.names import Record, normalize
from api.ingest.receivers.shipper.opening import read_object
from api.ingest.receivers.shipper.traces import is_frame

DELIMITERS = ",;\t|"
LINES_LOOKED_AT = 200
KNOWN = frozenset(
    (*names.MESSAGES, *names.LEVELS, *names.TIMES, *names.SERVICES, *names.ERROR_TYPES, *names.STACKS, *names.LOGGERS)
)
TELLING = frozenset((*names.MESSAGES, *names.LEVELS, *names.TIMES))
W3C_HEADER = "#Fields:"
COLUMNS_MAX, COLUMN_CHARS = 1_000, 100


class Form(StrEnum):
    """How an input is written."""

    auto = "auto"
    ndjson = "ndjson"
    json = "json"
    csv = "csv"
    logfmt = "logfmt"
    w3c = "w3c"
    plain = "plain"


@dataclass(frozen=True, slots=True)
class Shape:
    """How an input is read. `form`: plain for lines of any kind; `delimiter`: of a table; `names_level`: whether anything in
    its beginning says how bad it is, without which all of it is errors."""

    form: Form
    delimiter: str = ","
    names_level: bool = True


def sniff(head: bytes, asked: Form, columns: Iterable[str] = ()) -> Shape:
    """By the first bytes of a text, as many as came; `columns` are names of fields that were told."""
    lines = [line for line in head.decode(errors="replace").splitlines()[:LINES_LOOKED_AT] if line.strip()]
    if not lines:
        return Shape(Form.plain if asked is Form.auto else asked)
    form = find_form(head, lines, columns) if asked is Form.auto else asked
    if form is Form.csv:
        delimiter = find_delimiter(lines[0])
        header = {normalize(name) for name in split_cells(lines[0], delimiter)}
        return Shape(form, delimiter, bool(header & {normalize(name) for name in names.LEVELS}))
    if form is Form.w3c:
        return Shape(form)
    return Shape(form, names_level=say_level(lines) if form is not Form.json else '"' in head.decode(errors="replace"))


def find_form(head: bytes, lines: Sequence[str], columns: Iterable[str]) -> Form:
    first = lines[0].strip()
    if first[0] == "#" and any(line.startswith(W3C_HEADER) for line in lines):
        return Form.w3c
    if first[0] == "{":
        return Form.ndjson if read_object(first) is not None else Form.json if may_span(first, lines) else Form.plain
    if first[0] == "[" and is_list(head.decode(errors="replace").lstrip()):
        return Form.json
    return Form.csv if is_table(lines, columns) else Form.plain


def may_span(first: str, lines: Sequence[str]) -> bool:
    """Whether an object begins that goes on in the next lines, as one that is printed for people."""
    return (
        first == "{" or (len(lines) == 1 and first[1:].lstrip()[:1] == '"') or (len(lines) > 1 and first[-1] in "{,[")
    )


def is_list(text: str) -> bool:
    inner = text[1:].lstrip()
    return not inner or inner[0] in "{]" or (inner[0] == '"' and read_line(text.splitlines()[0]) is None)


def is_table(lines: Sequence[str], columns: Iterable[str]) -> bool:
    """Whether the first line has names of columns that are known, and is no line of a log."""
    if read_line(lines[0]) is not None or read_pairs(lines[0]) is not None:
        return False
    cells = [normalize(cell) for cell in split_cells(lines[0], find_delimiter(lines[0]))]
    if not 1 < len(cells) <= COLUMNS_MAX or any(not cell or len(cell) > COLUMN_CHARS for cell in cells):
        return False
    told = {normalize(column) for column in columns}
    known = KNOWN.intersection(cells)
    return bool(told.intersection(cells)) or (len(known) > 1 and bool(TELLING & known))


def find_delimiter(line: str) -> str:
    """That of the most cells."""
    return max(DELIMITERS, key=lambda delimiter: len(split_cells(line, delimiter)))


def split_cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def say_level(lines: Iterable[str]) -> bool:
    """Whether a line says how bad it is, or has a time, as those of logs that leave the level out."""
    return any(says_level(line) for line in lines)


def says_level(text: str) -> bool:
    inner = text.strip()
    if inner[:1] == "{" and (record := read_object(inner)) is not None:
        message = record.get("log") or record.get("message") or record.get("MESSAGE")
        has_level = Record(record).has(names.LEVELS) or "@t" in record or "involvedObject" in record
        return has_level or (isinstance(message, str) and message.strip() != inner and says_level(message))
    if read_line(text) is not None:
        return True
    if (pairs := read_pairs(text)) is not None:
        return Record(pairs).has(names.LEVELS)
    return is_frame(text)  # who prints traces prints other things too
