"""From files to usage records, whatever they are: what each is, is told by what is in it. Little of them is held at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cli.send.decoding import Chunks, Input, InputRefused
from cli.send.sniffing import find_delimiter
from cli.send.splitting import VALUE_MAX_BYTES, read_rows, split_lines, split_values
from cli.usage.exports import read_document, read_row
from cli.usage.records import Options, Skipped, Unread, UsageRecord
from cli.usage.sessions import SessionReader, may_hold_usage

SUFFIXES = (".jsonl", ".json", ".ndjson", ".csv", ".gz", ".zst")
# Where agents write by themselves.
HOMES = (".claude/projects", ".config/claude/projects", ".codex/sessions", ".codex/archived_sessions")
SESSION_TYPES = (b'"type":', b'"type" :')
decode_any = msgspec.json.Decoder(dict[str, Any]).decode


class Place(NamedTuple):
    """A record, or why there is none, and where it stood."""

    found: UsageRecord | Unread | Skipped
    name: str
    number: int


def find_files(paths: list[Path]) -> list[Path]:
    """The files to read: those named, and all logs in the folders; without any those of the agents in one's home."""
    if not paths:
        paths = [home for one in HOMES if (home := Path.home() / one).is_dir()]
    files: list[Path] = []
    for path in paths:
        files += (
            sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
            if path.is_dir()
            else [path]
        )
    return files


def read_input(source: Input, options: Options) -> Iterator[Place]:
    """The records of a file. Where it is no text or damaged, that is the last."""
    try:
        for number, found in read_chunks(source.chunks(), options):
            yield Place(found, source.name, number)
    except InputRefused as refused:
        yield Place(Unread(str(refused)), source.name, 0)


def read_chunks(chunks: Chunks, options: Options) -> Iterator[tuple[int, UsageRecord | Unread | Skipped]]:
    """The records with the number of their line or value, by the form of the beginning."""
    head = b""
    for chunk in chunks:
        head += chunk or b""
        if b"\n" in head.lstrip() or len(head) > VALUE_MAX_BYTES:
            break
    rest = follow(head, chunks)
    first = head.lstrip().split(b"\n", 1)[0].strip()
    if first[:1] not in (b"{", b"["):
        yield from read_table(rest, first, options)
    elif first[:1] == b"{" and is_object(first):
        yield from read_lines(rest, options)
    else:
        yield from read_values(rest, options)


def follow(head: bytes, chunks: Chunks) -> Chunks:
    yield head
    yield from chunks


def is_object(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
        return line[-1:] == b"}"
    except msgspec.DecodeError:
        return False


def read_lines(chunks: Chunks, options: Options) -> Iterator[tuple[int, UsageRecord | Unread | Skipped]]:
    """A session log, or a row of an export on each line. Whose a line is, its own keys say."""
    reader = SessionReader(options)
    number = 0
    for line in split_lines(chunks, VALUE_MAX_BYTES):
        if line is None:
            continue
        number += 1
        if is_of_session(line):
            if may_hold_usage(line):
                yield from ((number, found) for found in reader.read(line))
        elif line.strip():
            yield from ((number, found) for found in read_value(line, options))


def is_of_session(line: bytes) -> bool:
    """Whether a line says of which type it is at its top or is deep in one that does, as every line of a session log."""
    return b'"type"' in line and not any(
        mark in line for mark in (b'"request_id"', b'"results"', b'"num_model_requests"')
    )


def read_values(chunks: Chunks, options: Options) -> Iterator[tuple[int, UsageRecord | Unread | Skipped]]:
    """Values of JSON over several lines, or the items of a list."""
    number = 0
    for text in split_values(chunks):
        if text is not None:
            number += 1
            yield from ((number, found) for found in read_value(text, options))


def read_value(text: bytes, options: Options) -> Iterator[UsageRecord | Unread | Skipped]:
    try:
        document = decode_any(text.strip(b" \t\r\n,"))
    except (msgspec.DecodeError, RecursionError):
        yield Unread("not an object of JSON")
        return
    yield from read_document(document, options)


def read_table(chunks: Chunks, first: bytes, options: Options) -> Iterator[tuple[int, UsageRecord | Unread | Skipped]]:
    """A table with the names of its columns in the first row."""
    for row in read_rows(split_lines(chunks), find_delimiter(first.decode(errors="replace"))):
        if row is None:
            continue
        if row.problem:
            yield row.number, Unread(row.problem)
        else:
            yield from ((row.number, found) for found in read_row(row.record, options))
