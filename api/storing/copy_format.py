"""Rows and their counts in the binary form of COPY: fields, each after its length ("Binary Format" in Postgres' manual
of COPY). Pure.

The driver encodes a field at a time through its codec, and JSON through one that SQLAlchemy gave it in Python: three
times the CPU (docs/decisions/0013).
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import islice
from struct import Struct
from time import perf_counter
from uuid import UUID

from api.storing.rows import NAMES_ENTRIES, ErrorRow
from common.buckets import BUCKET_MICROSECONDS

DELTA_COLUMNS = (
    *("project_id", "flush_id", "ordinal", "bucket", "fingerprint", "severity", "count", "first_seen", "last_seen"),
    *("service", "environment", "release", "traceparent"),
)
HEAD, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
EPOCH, EPOCH_DAY = datetime(2000, 1, 1, tzinfo=UTC), date(2000, 1, 1).toordinal()

pack_length = Struct(">i").pack
# The number of fields, then those of a fixed size: i16s is an id after its length, iq a bigint or a time after its own.
pack_row = Struct(">hi16siii16siqiqiqihihih").pack
pack_delta = Struct(">hi16si16siiiqiqihiiiqiq").pack


# When rows that are to be stored occurred, in microseconds since 2000, by what deltas tell apart: project, fingerprint,
# severity, service, environment, release and bucket.
Occurrences = defaultdict[tuple[UUID, int, int, str, str, str | None, int], list[int]]
# A part of what COPY gets, and whether it is the last, which has the END.
Piece = tuple[bytes, bool]


def encode_some(left: Iterator[ErrorRow], occurrences: Occurrences, seconds: float, start: bytes) -> Piece:
    """The next rows behind this start, but for `look_back`, as many as this time encodes, at least one. Each is noted among
    the occurrences."""
    fields, is_last = [start], False
    received, received_at = None, 0
    until = perf_counter() + seconds
    for row in left:
        (
            project_id, day, event_id, occurred, received_now, fingerprint, severity, adjustments, redactions, service,
            environment, release, error_type, client_fingerprint, message, stack_trace, context, tags, _,
        ) = row  # by place, in half the time that names take  # fmt: skip
        occurred_at = to_microseconds(occurred)
        if received_now is not received:  # the rows of one request have the same
            received, received_at = received_now, to_microseconds(received_now)
        occurrences[
            project_id, fingerprint, severity, service, environment or "", release, occurred_at // BUCKET_MICROSECONDS
        ].append(occurred_at)  # fmt: skip
        fields += (
            pack_row(
                18, 16, project_id.bytes, 4, day.toordinal() - EPOCH_DAY, 16, event_id.bytes, 8, occurred_at,
                8, received_at, 8, fingerprint, 2, severity, 2, adjustments, 2, redactions,
            ),
            encode_names(service, environment, release, error_type, client_fingerprint),
            encode_text(message),
            encode_text(stack_trace),
            encode_text(context),
            encode_text(tags),
        )  # fmt: skip
        if perf_counter() > until:
            break
    else:
        fields.append(END)
        is_last = True
    return b"".join(fields), is_last


def encode_deltas(occurrences: Occurrences, flush_id: UUID, origin: str | None) -> Iterator[bytes]:
    """The deltas of these, in DELTA_COLUMNS: what COUNT_STORED, which defines them, would have inserted of the same rows."""
    origin_field = encode_text(origin)
    for ordinal, (key, times) in enumerate(occurrences.items(), 1):
        project_id, fingerprint, severity, service, environment, release, bucket = key
        yield pack_delta(
            13, 16, project_id.bytes, 16, flush_id.bytes, 4, ordinal, 8, bucket * BUCKET_MICROSECONDS, 8, fingerprint,
            2, severity, 4, len(times), 8, min(times), 8, max(times),
        ) + encode_names(service, environment, release) + origin_field  # fmt: skip


def join_some(left: Iterator[bytes], most: int, start: bytes) -> Piece:
    """The next of what is encoded already, at most so many, behind this start."""
    some = list(islice(left, most))
    is_last = len(some) < most
    return b"".join((start, *some, END if is_last else b"")), is_last


@lru_cache(maxsize=NAMES_ENTRIES)
def encode_names(*names: str | None) -> bytes:
    return b"".join(map(encode_text, names))


def encode_text(text: str | None) -> bytes:
    if text is None:
        return NULL
    encoded = text.encode()
    return pack_length(len(encoded)) + encoded


def to_microseconds(at: datetime) -> int:
    """Since 2000, as Postgres counts; by division it takes twice as long."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
