"""Ids of what comes without one: the same for a record that is sent again, in whichever company. Pure.

Two kinds (docs/otlp.md says what follows from each):
- an exception within a span: of the span, of what was raised, and of the second, which is all that a log record and an
  event of the span have in common where both tell of it; Python's SDK gives them other traces and other names of one type;
- all else: of origin and content, with the time in front as in a UUIDv7.
What a request brings several times is told apart by a number.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from api.ingest.receivers.otlp.errors import RaisedException
from api.ingest.receivers.otlp.records import Origin

NS_PER_MILLISECOND, NS_PER_SECOND = 10**6, 10**9
MILLISECONDS_MAX = 2**48  # of a UUIDv7
BITS_OF_HASH, VARIANT, VERSION_7, VERSION_8 = 2**62 - 1, 2 << 62, 7 << 76, 8 << 76


class Identities:
    """Gives the ids of one request, in the order of its records."""

    def __init__(self) -> None:
        self.seen: Counter[bytes] = Counter()
        self.origin = ""

    def begin_group(self, origin: Origin) -> None:
        """The records that follow are of this origin."""
        made_by = (origin.resource, origin.scope_name, origin.scope_version, origin.scope_attributes)
        self.origin = blake2b(dump(made_by), digest_size=16).hexdigest()

    def of_content(self, content: Sequence[Any], at_ns: int) -> UUID:
        """Of all that there is to a record; `at_ns` is 0 where it has no time."""
        milliseconds = at_ns // NS_PER_MILLISECOND
        is_told = 0 < milliseconds < MILLISECONDS_MAX
        return self.number(("record", self.origin, at_ns, *content), milliseconds if is_told else None)

    def of_exception(self, trace_id: str, span_id: str, raised: RaisedException, at_ns: int) -> UUID:
        """Of an exception within a span, whichever way it is told of."""
        second = at_ns // NS_PER_SECOND
        return self.number(("exception", trace_id, span_id, name_alone(raised.type), raised.message, second))

    def number(self, content: Sequence[Any], milliseconds: int | None = None) -> UUID:
        """Of content that may be there several times."""
        digest = blake2b(dump(content), digest_size=16).digest()
        occurrence = self.seen[digest]
        self.seen[digest] += 1
        if occurrence:
            digest = blake2b(digest + occurrence.to_bytes(8, "big"), digest_size=16).digest()
        return make_uuid(int.from_bytes(digest, "big"), milliseconds)


def dump(content: Sequence[Any]) -> bytes:
    return to_json(content, inf_nan_mode="strings")


def make_uuid(hashed: int, milliseconds: int | None) -> UUID:
    """A UUIDv7 of this time with a hash of 128 bits in place of what is random there; without a time a UUIDv8."""
    random_a, random_b = hashed >> 64 & 0xFFF, VARIANT | hashed & BITS_OF_HASH
    if milliseconds is None:
        return UUID(int=hashed >> 80 << 80 | VERSION_8 | random_a << 64 | random_b)
    return UUID(int=milliseconds << 80 | VERSION_7 | random_a << 64 | random_b)


def name_alone(type_: str) -> str:
    """The name of a type without its module: `app.errors.Declined` and `Declined` are told of as one."""
    return type_.rpartition(".")[2]
