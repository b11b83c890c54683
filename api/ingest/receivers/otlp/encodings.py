"""The two encodings of OTLP, told by the media type; each reads requests and records in the same way. Pure."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from api.http.problems import BodyTooLarge, Invalid
from api.ingest.receivers import JSON, Receiver, read_media_type
from api.ingest.receivers.items import Batch, ItemT
from api.ingest.receivers.otlp import json_encoding, protobuf_encoding
from api.ingest.receivers.otlp.records import (
    Bounds,
    Group,
    LogRecord,
    Origin,
    Signal,
    Span,
    TooManyRecords,
    Unreadable,
)
from common.settings import Settings

PROTOBUF = "application/x-protobuf"
PROTOBUF_TYPES = (PROTOBUF, "application/protobuf", "application/vnd.google.protobuf")
ESCAPE = b"\\u"  # under which a word can hide in JSON


class Encoding(NamedTuple):
    """How requests and their records are read. Each raises Unreadable, `split` also TooManyRecords, but for
    `find_severity`: the number of a log record, told without reading it, and 0 where it cannot be."""

    media_type: str
    split: Callable[[bytes, Signal], list[Group]]
    read_origin: Callable[[bytes, bytes, Bounds], Origin]
    find_severity: Callable[[bytes], int]
    read_log: Callable[[bytes, Bounds], LogRecord]
    read_span: Callable[[bytes, Bounds], Span]

    def groups(self, body: bytes, signal: Signal) -> list[Group]:
        """What a request brings. Raises Invalid, BodyTooLarge."""
        try:
            return self.split(body, signal)
        except TooManyRecords as error:
            raise BodyTooLarge(f"{error}: send less at once") from error
        except Unreadable as error:
            raise Invalid(str(error)) from error

    def may_say(self, raw: bytes, word: bytes) -> bool:
        """Whether a text or a name that is sent there may be, or hold, this word, told without reading it."""
        return word in raw or (self.media_type == JSON and ESCAPE in raw)


PROTOBUF_ENCODING = Encoding(
    PROTOBUF,
    lambda body, _signal: protobuf_encoding.split(body),
    protobuf_encoding.read_origin,
    protobuf_encoding.find_severity,
    protobuf_encoding.read_log,
    protobuf_encoding.read_span,
)
JSON_ENCODING = Encoding(
    JSON,
    json_encoding.split,
    json_encoding.read_origin,
    json_encoding.find_severity,
    json_encoding.read_log,
    json_encoding.read_span,
)
ENCODINGS = {JSON: JSON_ENCODING, **dict.fromkeys(PROTOBUF_TYPES, PROTOBUF_ENCODING)}


def receivers_of(read: Callable[[Encoding, bytes, Settings], Batch[ItemT]]) -> dict[str, Receiver[ItemT]]:
    """A receiver for each encoding, by its media type, of what reads either."""
    return {
        each.media_type: Receiver("otlp", (each.media_type,), partial(read, each))
        for each in (PROTOBUF_ENCODING, JSON_ENCODING)
    }


def find_encoding(content_type: str | None) -> Encoding | None:
    """That of the header Content-Type; None for any other than the two."""
    return ENCODINGS.get(read_media_type(content_type or ""))
