"""What makes two errors the same at ingest: exception type and in-app frames, else the masked message. Pure.

Raise FINGERPRINT_VERSION with any change that gives an error another fingerprint; the version is part of the hash.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from common.fingerprint.frames import Frame, Thrown, qualify_type, read_frames
from common.fingerprint.grouping import GROUPING, GROUPING_CHARS, Grouping, read_grouping
from common.fingerprint.masks import HOLE, REDACTED, mask_message
from common.fingerprint.traces import (
    LINE_CHARS,
    TRACE_CHARS,
    TRACE_ENTRIES,
    SplitTrace,
    Trace,
    may_be_kept,
    read_trace,
    split_trace,
    type_of_line,
)

__all__ = [
    "FINGERPRINT_VERSION",
    "GROUPING",
    "GROUPING_CHARS",
    "HOLE",
    "OVERFLOW",
    "REDACTED",
    "TRACE_CHARS",
    "TRACE_ENTRIES",
    "Fingerprint",
    "Frame",
    "Grouping",
    "SplitTrace",
    "Thrown",
    "Trace",
    "fingerprint_error",
    "fingerprint_value",
    "make_title",
    "mask_message",
    "may_be_kept",
    "qualify_type",
    "read_frames",
    "read_grouping",
    "split_trace",
]

FINGERPRINT_VERSION: Final = 1
# What the errors of a project count under that has as many fingerprints as it may; no error has it itself.
OVERFLOW: Final = 0
TITLE_CHARS: Final = 200
_TYPE_CHARS: Final = 256
_CLIENT_CHARS: Final = 512


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`value`: signed 64 bits, never 0. `grouped_by`: stacktrace, message or client.

    `skeleton`: the masked message, one line of at most 1,000 characters; `title`: at most 200, what people see.
    `origin`: the innermost in-app frame, or the client's own fingerprint, else empty; errors of different origin
    are never put into one pattern.
    """

    value: int
    grouped_by: str
    skeleton: str
    title: str
    origin: str = ""


def fingerprint_error(
    *,
    message: str,
    error_type: str | None,
    stack_trace: str | None,
    client_fingerprint: str | None = None,
    grouping: Grouping | None = None,
) -> Fingerprint:
    """Never raises, whatever the text. The same answer in every process and on every Python. What `grouping` tells goes
    before what is read of the texts."""
    error_type = error_type[:_TYPE_CHARS] if error_type else None
    template = grouping.template if grouping else None
    skeleton = mask_message(template or message)
    if client_fingerprint:
        return _of_client(client_fingerprint[:_CLIENT_CHARS], error_type, skeleton)
    if template:
        return _of_skeleton(skeleton, error_type)
    trace = grouping.trace if grouping else None
    if trace is None:
        trace = read_trace(split_trace(stack_trace)) if stack_trace else None
    return _of_trace(trace, error_type, skeleton) if trace else _of_skeleton(skeleton, error_type)


def fingerprint_value(
    *,
    message: str,
    error_type: str | None,
    trace: SplitTrace | None,
    client_fingerprint: str | None = None,
    grouping: Grouping | None = None,
) -> int:
    """`fingerprint_error(...).value`, without masking a message that a trace or the client speaks for: masks are
    the dearest part of an error whose message was never seen."""
    if client_fingerprint:
        return _hash("client", client_fingerprint[:_CLIENT_CHARS])
    if grouping is not None:
        if grouping.template:
            trace = None
        elif grouping.trace:
            return _trace_value(grouping.trace, error_type[:_TYPE_CHARS] if error_type else None)
    if trace is not None:
        line, rest, last_first = trace
        head = type_of_line(line)
        is_kept = head and len(head) <= LINE_CHARS and may_be_kept(rest)
        value = _recall_value(head, rest, last_first, error_type) if is_kept else _value_of(*trace, error_type)
        if value:
            return value
    return fingerprint_error(message=message, error_type=error_type, stack_trace=None, grouping=grouping).value


def _value_of(line: str, rest: str, last_first: bool, error_type: str | None) -> int:
    """0 where no frame can be read."""
    read = read_trace(SplitTrace(line, rest, last_first))
    return _trace_value(read, error_type[:_TYPE_CHARS] if error_type else None) if read else 0


_recall_value = lru_cache(maxsize=TRACE_ENTRIES)(_value_of)


@lru_cache(maxsize=4_096)
def _of_skeleton(skeleton: str, error_type: str | None) -> Fingerprint:
    return Fingerprint(
        _hash("message", error_type or "", skeleton), "message", skeleton, make_title(error_type, skeleton)
    )


def _of_client(client: str, error_type: str | None, skeleton: str) -> Fingerprint:
    return Fingerprint(_hash("client", client), "client", skeleton, make_title(error_type, skeleton), client)


@lru_cache(maxsize=TRACE_ENTRIES)
def _of_trace(trace: Trace, error_type: str | None, skeleton: str) -> Fingerprint:
    title = make_title(error_type or (trace.types[0] if trace.types else None), skeleton)
    return Fingerprint(_trace_value(trace, error_type), "stacktrace", skeleton, title, trace.frames[0])


@lru_cache(maxsize=TRACE_ENTRIES)
def _trace_value(trace: Trace, error_type: str | None) -> int:
    types = (error_type, *trace.types[1:]) if error_type else trace.types
    return _hash("stacktrace", *types, "", *trace.frames)


def make_title(error_type: str | None, skeleton: str) -> str:
    """The type and the skeleton, or the template of several, in at most TITLE_CHARS characters: what people see."""
    if error_type and not skeleton.startswith(error_type):
        skeleton = f"{error_type}: {skeleton}"
    return skeleton if len(skeleton) <= TITLE_CHARS else skeleton[: TITLE_CHARS - 1] + "\u2026"


def _hash(*parts: str) -> int:
    text = "\0".join((str(FINGERPRINT_VERSION), *parts))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) or 1
