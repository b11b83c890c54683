"""The framing of Sentry's envelopes: a header, and items that each have one of their own. Pure.

By https://develop.sentry.dev/sdk/foundations/transport/envelopes/: lines end with \\n; an item with a `length` has so many
bytes and then a line's end or nothing, one without goes to the end of its line; the last line's end may be missing, and there
may be no item at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from api.http.problems import BadRequest
from api.ingest.receivers.json_bounds import is_vast

HEADER_BYTES = 16 * 2**10
ITEMS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its type, its header, and where its bytes are in the body. Of those that are not kept, as attachments, no copy
    is made."""

    type: str
    header: Mapping[str, Any]
    body: bytes = field(repr=False)
    start: int
    end: int

    @property
    def payload(self) -> bytes:
        """A copy of its bytes."""
        return self.body[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What its header says, and its items in order."""

    header: Mapping[str, Any]
    items: list[Item]


def read_envelope(body: bytes) -> Envelope:
    """Take an envelope apart. Raises BadRequest where its framing is wrong."""
    line, place = read_line(body, 0)
    if not line.strip():
        raise BadRequest("the envelope is empty: its first line must be its header, {} at least")
    header = read_header(line, "the envelope's header")
    items: list[Item] = []
    for item in walk_items(body, place):
        items.append(item)
        if len(items) > ITEMS_MAX:
            raise BadRequest(f"an envelope may have {ITEMS_MAX:,} items: send several")
    return Envelope(header, items)


def walk_items(body: bytes, place: int) -> Iterator[Item]:
    """The items from this place on. Raises BadRequest."""
    while place < len(body):
        line, place = read_line(body, place)
        if not line.strip():
            continue
        header = read_header(line, "an item's header")
        start = place
        end, place = find_payload(body, start, header.get("length"))
        kind = header.get("type")
        yield Item(kind if isinstance(kind, str) else "", header, body, start, end)


def read_line(body: bytes, place: int) -> tuple[bytes, int]:
    """The line that begins here, without its end, and where the next one begins."""
    end = body.find(b"\n", place)
    return (body[place:], len(body)) if end < 0 else (body[place:end], end + 1)


def read_header(line: bytes, what: str) -> dict[str, Any]:
    """Raises BadRequest where the line is no object, or a vast one."""
    if len(line) > HEADER_BYTES or is_vast(line):
        raise BadRequest(f"{what} may have {HEADER_BYTES:,} bytes")
    try:
        header = from_json(line)
    except ValueError as error:
        raise BadRequest(f"{what} is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise BadRequest(f"{what} must be a JSON object")
    return header


def find_payload(body: bytes, place: int, length: Any) -> tuple[int, int]:
    """Where the bytes of an item end that begin here, and where the next one begins. Raises BadRequest where they are not as
    long as said."""
    if length is None:
        end = body.find(b"\n", place)
        return (len(body), len(body)) if end < 0 else (end, end + 1)
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise BadRequest("the length of an item must be a whole number of bytes, or left out")
    end = place + length
    if end > len(body):
        raise BadRequest(f"an item ends before its length of {length:,} bytes: send the envelope whole")
    if end < len(body) and body[end : end + 1] not in {b"\n", b"\r"}:
        raise BadRequest(f"an item goes on after its length of {length:,} bytes: its line must end there")
    after = end + 2 if body[end : end + 2] == b"\r\n" else end + 1
    return end, min(after, len(body))
