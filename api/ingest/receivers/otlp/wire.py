"""Protobuf as the bytes that were sent: split into its fields, and made readable where the library refuses them. Pure.

The library makes objects of all that is in a message, forty bytes for one that was sent as two. So requests are split here
into their records, and large ones are cut here before it sees them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from api.ingest.receivers.building import CLEANED, TRUNCATED
from api.ingest.receivers.json_text import is_utf8
from api.ingest.receivers.otlp.records import Bounds, Unreadable
from api.ingest.sanitize.cleaning import CUT

VARINT, FIXED64, DELIMITED, GROUP, GROUP_END, FIXED32 = range(6)
FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
VARINT_BYTES_MAX = 10
GROUPS_MAX = 100  # nested, of fields that nobody knows: what the library takes too
# Fields of one message that are looked at, where it is cut: a quarter of a second, beside the event loop.
FIELDS_MAX = 250_000
DEPTH_MAX = 31  # of values, each of which is up to three messages: the library takes a hundred
CUT_VALUE = b"\x0a\x05" + CUT.encode()  # as an AnyValue: the text
ANY_VALUE = "opentelemetry.proto.common.v1.AnyValue"


class Field(NamedTuple):
    """One field of a message: where it begins, and where its value does and ends."""

    number: int
    wire_type: int
    begin: int
    start: int
    end: int


def walk_fields(raw: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message that stands there, in their order. Raises Unreadable where it is none."""
    place = start
    while place < end:
        begin = place
        tag, place = read_varint(raw, place, end)
        number, wire_type = tag >> 3, tag & 7
        if not number:
            raise Unreadable("a field has no number")
        value, place = find_value(raw, place, end, tag)
        if place > end:
            raise Unreadable("a field goes on after the end of its message")
        yield Field(number, wire_type, begin, value, place)


def find_value(raw: bytes, place: int, end: int, tag: int) -> tuple[int, int]:
    """Where the value of a field begins and ends, whose tag has been read. Raises Unreadable."""
    wire_type = tag & 7
    if wire_type == DELIMITED:
        size, place = read_varint(raw, place, end)
        return place, place + size
    if wire_type == VARINT:
        return place, read_varint(raw, place, end)[1]
    if wire_type in FIXED_BYTES:
        return place, place + FIXED_BYTES[wire_type]
    if wire_type == GROUP:
        return place, find_group_end(raw, place, end, tag >> 3)
    raise Unreadable("a field is of no wire type")


def find_group_end(raw: bytes, place: int, end: int, number: int) -> int:
    """Where the group of a field of this number ends that has begun there. Raises Unreadable, also where another one ends."""
    begun = [number]
    while begun:
        tag, place = read_varint(raw, place, end)
        if tag & 7 == GROUP:
            begun.append(tag >> 3)
        elif tag & 7 == GROUP_END:
            if begun.pop() != tag >> 3:
                raise Unreadable("a group ends that had not begun")
        else:
            place = find_value(raw, place, end, tag)[1]
        if len(begun) > GROUPS_MAX:
            raise Unreadable("groups are nested too deep")
    return place


def read_varint(raw: bytes, place: int, end: int) -> tuple[int, int]:
    """The number that stands there, and the place behind it. Raises Unreadable."""
    if place >= end:
        raise Unreadable("the body is cut off")
    byte = raw[place]
    if byte < 0x80:
        return byte, place + 1
    value, shift, place = byte & 0x7F, 7, place + 1
    while place < end and shift < 7 * VARINT_BYTES_MAX:
        byte = raw[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
    raise Unreadable("a number does not end")


def repair_message(raw: bytes, message: Descriptor, bounds: Bounds) -> tuple[bytes, int]:
    """The same message within these bounds, its texts in UTF-8, without fields that it does not know: what the library
    reads. And how it was adjusted (flags of Adjustment). Raises Unreadable."""
    repair = Repair(bounds)
    return repair.keep(raw, 0, len(raw), message, min(bounds.depth, DEPTH_MAX)), repair.adjustments


class Repair:
    """Makes one message readable, and counts its values."""

    def __init__(self, bounds: Bounds) -> None:
        self.values_left = bounds.values
        self.adjustments = 0

    def keep(self, raw: bytes, start: int, end: int, message: Descriptor, depth: int) -> bytes:
        """What is kept of the message that stands there, whose values may be nested so deep."""
        kept: list[bytes] = []
        for seen, field in enumerate(walk_fields(raw, start, end)):
            described = message.fields_by_number.get(field.number)
            if seen == FIELDS_MAX:
                self.adjustments |= TRUNCATED
                break
            if described is not None and (not described.is_repeated or self.has_room()):
                kept.append(self.keep_field(raw, field, described, depth))
        return b"".join(kept)

    def keep_field(self, raw: bytes, field: Field, described: FieldDescriptor, depth: int) -> bytes:
        if field.wire_type == DELIMITED and described.type == FieldDescriptor.TYPE_MESSAGE:
            return delimit(field.number, self.keep_inner(raw, field, described.message_type, depth))
        if field.wire_type == DELIMITED and described.type == FieldDescriptor.TYPE_STRING:
            return delimit(field.number, self.keep_text(raw[field.start : field.end]))
        return raw[field.begin : field.end]

    def keep_inner(self, raw: bytes, field: Field, message: Descriptor, depth: int) -> bytes:
        """A message within another one; a value that is nested too deep is a text that says so."""
        is_value = message.full_name == ANY_VALUE
        if is_value and depth < 0:
            self.adjustments |= TRUNCATED
            return CUT_VALUE
        return self.keep(raw, field.start, field.end, message, depth - is_value)

    def keep_text(self, text: bytes) -> bytes:
        if is_utf8(text):
            return text
        self.adjustments |= CLEANED
        return text.decode(errors="replace").encode()

    def has_room(self) -> bool:
        """Whether one more is kept of what may come any number of times."""
        self.values_left -= 1
        self.adjustments |= TRUNCATED if self.values_left < 0 else 0
        return self.values_left >= 0


def delimit(number: int, value: bytes) -> bytes:
    """A field with a text or a message as its value."""
    return write_varint(number << 3 | DELIMITED) + write_varint(len(value)) + value


def write_varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
