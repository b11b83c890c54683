"""Ids of errors whose senders give none: the same record has the same one whenever it is sent. Pure."""

import hashlib
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

DIGEST_BYTES = 16


def make_id(digest: bytes, occurrence: int, milliseconds: int) -> UUID:
    """A UUIDv7 (RFC 9562, 5.7) whose random bits are a hash."""
    tail = int.from_bytes(hashlib.blake2b(digest + occurrence.to_bytes(8), digest_size=DIGEST_BYTES).digest())
    value = (milliseconds & (2**48 - 1)) << 80 | tail & (2**80 - 1)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def digest_of(record: Any, key: bytes = b"") -> bytes:
    """A hash of a value of JSON; `key`, of at most 64 bytes, makes it another one for another source."""
    text = to_json(record, inf_nan_mode="strings", serialize_unknown=True)
    return hashlib.blake2b(text, key=key, digest_size=DIGEST_BYTES).digest()


class RequestIds:
    """The ids of the records of one request: of two that are equal, time included, each has its own."""

    def __init__(self) -> None:
        self.seen: Counter[bytes] = Counter()

    def of(self, record: Any, at: datetime) -> UUID:
        digest = digest_of(record)
        self.seen[digest] += 1
        return make_id(digest, self.seen[digest], int(at.timestamp() * 1_000))
