"""The records of a body of msgpack, as Fluent Bit sends by default: each becomes JSON, which is read within the limits of all
others. Pure.

Fluent Bit writes `[time, record]` or `[[time, metadata], record]` one after the other; the forward protocol has a tag in front
of one of them or of a list. A time is an extension of type 0, of seconds and nanoseconds, or a number.
"""

import struct
from collections.abc import Iterator
from typing import Any

import msgpack
from pydantic_core import to_json

from api.http.problems import BodyTooLarge
from api.ingest.receivers.items import Rejected
from api.ingest.receivers.shipper.bodies import Sent, read_item
from common.settings import Settings

# What is read at once is held as values of thirty times its bytes, so less is taken than of JSON; a chunk of Fluent Bit has 2 MB.
BODY_MAX_BYTES = 4 * 2**20
# Of one list or map. The reader makes room for as many as a list says it has, so that one of four bytes could ask for gigabytes.
MEMBERS_MAX = 10_000
EVENT_TIME = 0
SECONDS_AND_NANOSECONDS = struct.Struct(">II")
# Where a time would be, these seconds (-1 and -2) say that a group of records begins and ends.
MARKS_FROM = 2**32 - 2
NOT_PACKED = "not_msgpack"


def walk_packed(body: bytes, settings: Settings) -> Iterator[Sent | Rejected]:
    """The records of a body, and what is none. What comes after the first thing that cannot be read is lost. Raises
    BodyTooLarge."""
    if len(body) > BODY_MAX_BYTES:
        raise BodyTooLarge(f"msgpack may have {BODY_MAX_BYTES:,} bytes unpacked: send less at once, or JSON")
    unpacker = msgpack.Unpacker(
        raw=False, unicode_errors="replace", strict_map_key=False, timestamp=1, max_buffer_size=BODY_MAX_BYTES + 1,
        max_array_len=MEMBERS_MAX, max_map_len=MEMBERS_MAX, object_pairs_hook=make_object, list_hook=make_list,
        ext_hook=read_extension,
    )  # fmt: skip
    unpacker.feed(body)
    place = 0
    try:
        for value in unpacker:
            place = unpacker.tell()
            for record in find_records(value):
                yield from read_record(record, settings)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        yield Rejected(NOT_PACKED, f"no msgpack after {place:,} bytes: {str(error)[:200]}")
        return
    if place < len(body):
        yield Rejected(NOT_PACKED, f"the body ends within a value that begins after {place:,} bytes: send it whole")


def find_records(value: Any, tag: str | None = None) -> Iterator[Any]:
    """The records of one value; what is none is given as it is."""
    match value:
        case [str() as tag, list() as entries, *_] if all(isinstance(entry, list) for entry in entries):
            for entry in entries:
                yield from find_records(entry, tag)
        case [str() as tag, time, dict() as record, *_]:
            yield from with_time(record, time, tag)
        case [[time, dict()], dict() as record]:
            yield from with_time(record, time, tag)
        case [int() | float() as time, dict() as record]:
            yield from with_time(record, time, tag)
        case list() if value and all(isinstance(one, dict | list) for one in value):
            for one in value:
                yield from find_records(one) if isinstance(one, list) and one is not value else (one,)
        case _:
            yield value


def with_time(record: dict[str, Any], time: Any, tag: str | None) -> Iterator[dict[str, Any]]:
    """The record with its time and tag under the names that Fluent Bit gives them in JSON, unless these are taken."""
    if isinstance(time, int | float) and (time < 0 or MARKS_FROM <= time // 10**9 <= MARKS_FROM + 1):
        return
    more = {"date": time} | ({"tag": tag} if tag else {})
    yield more | record


def read_record(value: Any, settings: Settings) -> Iterator[Sent | Rejected]:
    try:
        raw = to_json(value, inf_nan_mode="strings")
    except (ValueError, RecursionError):  # it is nested too deep
        yield Rejected(NOT_PACKED, "a record is nested too deep")
        return
    yield from read_item(raw, settings)


def read_extension(code: int, data: bytes) -> Any:
    """Nanoseconds since 1970 of a time; of any other its bytes as hex digits."""
    if code == EVENT_TIME and len(data) == SECONDS_AND_NANOSECONDS.size:
        seconds, nanoseconds = SECONDS_AND_NANOSECONDS.unpack(data)
        return seconds * 10**9 + nanoseconds
    return data.hex()


def make_object(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """A map whose keys are texts, whatever they were."""
    return {as_text(key) if type(key) is not str else key: as_json(value) for key, value in pairs}


def make_list(values: list[Any]) -> list[Any]:
    return [as_json(value) for value in values]


def as_json(value: Any) -> Any:
    return value.decode(errors="replace") if type(value) is bytes else value


def as_text(key: Any) -> str:
    return key.decode(errors="replace") if type(key) is bytes else str(key)[:200]
