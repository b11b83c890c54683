"""From the chunks of a text to its records, each with where it stood: lines, values of JSON, rows of a table. What is
held of it is bounded."""

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from api.ingest.receivers.building import read_json
from api.ingest.receivers.shipper.bodies import MESSAGE, unwrap
from cli.send.decoding import Chunks
from cli.send.sniffing import W3C_HEADER, Form, Shape

LINE_MAX_BYTES = 2**20  # what a line has beyond is left out
CELL_MAX_CHARS = 16 * 2**20  # of a row over several lines: a quote that does not end would swallow the rest of the file
VALUE_MAX_BYTES = 64 * 2**20
DEPTH, VALUES = 32, 10_000
PART_BYTES = 16_000  # a line of Docker's of about this length that has no end goes on in the next

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


class Found(NamedTuple):
    """A record, or why there is none, at a line or an item of the input; a plain line has a message alone."""

    number: int
    record: Mapping[str, Any]
    is_plain: bool = False
    problem: str = ""


def split_records(chunks: Chunks, shape: Shape) -> Iterator[Found | None]:
    """The records; None where nothing came for a second."""
    match shape.form:
        case Form.json:
            return read_values(split_values(chunks))
        case Form.csv:
            return read_rows(split_lines(chunks), shape.delimiter)
        case Form.w3c:
            return read_w3c(split_lines(chunks))
        case _:
            return join_parts(read_lines(split_lines(chunks), is_json=shape.form is Form.ndjson))


def split_lines(chunks: Chunks, max_bytes: int = LINE_MAX_BYTES) -> Iterator[bytes | None]:
    """The lines without their ends; of one that is longer the first bytes."""
    pieces: list[bytes] = []
    held = 0
    for chunk in chunks:
        if chunk is None:
            yield None
            continue
        first, *others = chunk.split(b"\n")
        if held < max_bytes:
            pieces.append(first[: max_bytes - held])
            held += len(pieces[-1])
        if not others:
            continue
        yield b"".join(pieces)
        *whole, last = others
        for line in whole:
            yield line[:max_bytes]
        pieces, held = [last[:max_bytes]], min(len(last), max_bytes)
    if held:
        yield b"".join(pieces)


def to_str(line: bytes) -> str:
    """As UTF-8, else as what Windows wrote before it."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def read_lines(lines: Iterable[bytes | None], *, is_json: bool) -> Iterator[Found | None]:
    """Each line as a record: of JSON where it is an object, else plain. Where all are JSON, one that is not is told."""
    for number, line in enumerate_lines(lines):
        if line is None:
            yield None
            continue
        raw = line.strip(b"\r \t\x1e")
        if raw[:1] != b"{":
            if raw or not is_json:
                yield Found(number, {MESSAGE: to_str(line.rstrip(b"\r"))}, is_plain=True)
            continue
        value = parse(raw)
        if isinstance(value, dict):
            yield from (Found(number, record) for record in unwrap(value))
        elif is_json:
            yield Found(number, {}, problem="it begins as a JSON object and is none")
        else:
            yield Found(number, {MESSAGE: to_str(line.rstrip(b"\r"))}, is_plain=True)


def enumerate_lines(lines: Iterable[bytes | None]) -> Iterator[tuple[int, bytes | None]]:
    number = 0
    for line in lines:
        number += line is not None
        yield number, line


def parse(raw: bytes) -> Any:
    """The value of a JSON text, None where it is none."""
    try:
        return read_json(raw, depth=DEPTH, values=VALUES)[0]
    except (ValueError, RecursionError):
        return None


def join_parts(found: Iterable[Found | None]) -> Iterator[Found | None]:
    """Lines that Docker cut at 16 KiB, whole again."""
    parts: dict[str, Found] = {}
    for one in found:
        if one is None or "log" not in one.record or "stream" not in one.record:
            yield one
            continue
        stream, text = str(one.record["stream"]), one.record["log"]
        if (before := parts.pop(stream, None)) is not None and isinstance(text, str):
            one = before._replace(record={**before.record, "log": f"{before.record['log']}{text}"})  # noqa: PLW2901
        is_part = isinstance(text, str) and len(text.encode()) >= PART_BYTES and not text.endswith("\n")
        if is_part and len(one.record["log"]) < LINE_MAX_BYTES:
            parts[stream] = one
        else:
            yield one
    yield from parts.values()


# What a value of JSON is told apart by, outside of its strings and within.
OUTSIDE, WITHIN = re.compile(rb'["\[\]{},]'), re.compile(rb'["\\]')
BLANKS = b" \t\r\n,"


class ValueSplitter:
    """Finds the values of JSON that stand one after the other, and the items of a list at the top, in chunks."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.depth = 0
        self.is_string = False
        self.is_listed = False
        self.skipped = 0  # bytes of the next chunk that are escaped

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The texts of those that end in this chunk."""
        start, place, self.skipped = 0, self.skipped, 0
        while found := (WITHIN if self.is_string else OUTSIDE).search(chunk, place):
            sign, place = found[0], found.end()
            if self.is_string:
                place += sign == b"\\"
                self.is_string = sign == b"\\"
            elif sign == b'"':
                self.is_string = True
            elif sign == b"[" and self.opens_list(chunk[start : found.start()]):
                self.held.clear()
                start = place
            elif (end := self.take_sign(sign, found.start(), place)) is not None:
                if text := bytes(self.held + chunk[start:end]).strip(BLANKS):
                    yield text
                self.held.clear()
                start = place
        self.skipped = max(0, place - len(chunk))
        if len(self.held) < VALUE_MAX_BYTES:
            self.held += chunk[start:]

    def opens_list(self, before: bytes) -> bool:
        """Whether a bracket opens a list whose items are the values."""
        if self.depth or self.is_listed or (self.held + before).strip(BLANKS):
            return False
        self.is_listed = True
        return True

    def take_sign(self, sign: bytes, start: int, end: int) -> int | None:
        """Where a value ends with this bracket or comma, behind it or ahead; None where none does."""
        if sign in b"[{":
            self.depth += 1
            return None
        if sign == b",":
            return None if self.depth else start
        if self.depth:
            self.depth -= 1
            return None if self.depth else end
        self.is_listed = False
        return start

    def rest(self) -> bytes:
        return bytes(self.held).strip(BLANKS)


def split_values(chunks: Chunks) -> Iterator[bytes | None]:
    """The texts of the values; None where nothing came for a second."""
    splitter = ValueSplitter()
    for chunk in chunks:
        if chunk is None:
            yield None
        else:
            yield from splitter.feed(chunk)
    if rest := splitter.rest():
        yield rest


def read_values(values: Iterable[bytes | None]) -> Iterator[Found | None]:
    number = 0
    for raw in values:
        if raw is None:
            yield None
            continue
        number += 1
        value = parse(raw.strip(b" \t\r\n,"))
        if isinstance(value, dict):
            yield from (Found(number, record) for record in unwrap(value))
        elif isinstance(value, str):
            yield Found(number, {MESSAGE: value}, is_plain=True)
        else:
            yield Found(number, {}, problem="neither a JSON object nor a text")


class RowJoiner:
    """Puts the lines of a row together: one in which a quote is open goes on in the next."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.quotes = self.chars = 0

    def add(self, text: str) -> str | None:
        """The row that is whole with this line. One that is longer than any is given without what it swallowed."""
        self.pieces.append(text)
        self.quotes += text.count('"')
        self.chars += len(text)
        if self.quotes % 2 and self.chars < CELL_MAX_CHARS:
            return None
        row = self.pieces[0] if self.quotes % 2 else "\n".join(self.pieces)
        self.pieces, self.quotes, self.chars = [], 0, 0
        return row


def read_rows(lines: Iterable[bytes | None], delimiter: str) -> Iterator[Found | None]:
    """The rows of a table under the names of its first one."""
    joiner, header, first = RowJoiner(), list[str](), 0
    for number, line in enumerate_lines(lines):
        if line is None:
            yield None
            continue
        first = first or number
        text = joiner.add(to_str(line))
        if text is None:
            continue
        cells = parse_row(text, delimiter)
        if cells is None:
            yield Found(first, {}, problem=TORN)
        elif not header:
            header = [cell.strip() for cell in cells]
        elif any(cell.strip() for cell in cells):
            yield Found(first, {name: cell for name, cell in zip(header, cells, strict=False) if name and cell.strip()})
        first = 0
    if joiner.pieces:
        yield Found(first, {}, problem=TORN)


def read_w3c(lines: Iterable[bytes | None]) -> Iterator[Found | None]:
    """The requests of an extended log (W3C: IIS, CloudFront) under the names that its last `#Fields:` gave; of a server's log,
    so that what failed there is an error."""
    header: list[str] = []
    for number, line in enumerate_lines(lines):
        if line is None:
            yield None
            continue
        text = to_str(line).rstrip("\r")
        if text.startswith(W3C_HEADER):
            header = text.removeprefix(W3C_HEADER).split()
        elif text.strip() and text[0] != "#":
            cells = text.split("\t" if "\t" in text else " ")
            yield Found(number, {name: cell for name, cell in zip(header, cells, strict=False) if cell != "-"})


TORN = "a quote in this row does not end"


def parse_row(text: str, delimiter: str) -> list[str] | None:
    """The cells of a row; None for one whose quotes do not end."""
    if text.count('"') % 2:
        return None
    try:
        return next(csv.reader([text.rstrip("\r").replace("\r\n", "\n")], delimiter=delimiter), [])
    except csv.Error:  # a carriage return on its own
        return next(csv.reader([text.replace("\r", " ")], delimiter=delimiter), [])
