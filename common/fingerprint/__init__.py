"""What makes two errors the same at ingest: the statement that raised them, else the masked message. Pure.

Raise FINGERPRINT_VERSION with any change that gives an error another fingerprint; the version is part of the hash.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from common.fingerprint.frames import Frame, Thrown, qualify_type, read_frames
from common.fingerprint.grouping import GROUPING, GROUPING_CHARS, Grouping, read_grouping
from common.fingerprint.masks import HOLE, REDACTED, mask_message
from common.fingerprint.raising import Raised, add_callers, find_raised, says_something
from common.fingerprint.traces import (
    TRACE_CHARS,
    TRACE_ENTRIES,
    SplitTrace,
    Trace,
    head_of_line,
    may_be_kept,
    read_text,
    read_trace,
    split_trace,
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

FINGERPRINT_VERSION: Final = 2
# What the errors of a project count under that has as many fingerprints as it may; no error has it itself.
OVERFLOW: Final = 0
TITLE_CHARS: Final = 200
_TYPE_CHARS: Final = 256
_CLIENT_CHARS: Final = 512


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`value`: signed 64 bits, never 0. `grouped_by`: stacktrace, message or client.

    `skeleton`: the masked message, one line of at most 1,000 characters; `title`: at most 200, what people see.
    `origin`: where it was raised, or the client's own fingerprint, else empty; errors of different origin are never put into
    one pattern.
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
    if client_fingerprint:
        return _of_client(client_fingerprint[:_CLIENT_CHARS], error_type, mask_message(message))
    template = grouping.template if grouping else None
    split = split_trace(stack_trace) if stack_trace and not template else None
    told = grouping.trace if grouping and not template else None
    found = find_statement(message, error_type, split, told)
    if found is None:
        return _of_skeleton(mask_message(template or message), error_type)
    return _of_statement(*found, found[1] or mask_message(message), error_type)


def fingerprint_value(
    *,
    message: str,
    error_type: str | None,
    trace: SplitTrace | None,
    client_fingerprint: str | None = None,
    grouping: Grouping | None = None,
) -> int:
    """`fingerprint_error(...).value`, without masking a message that a statement or the client speaks for, and without
    texts for people."""
    if client_fingerprint:
        return _hash("client", client_fingerprint[:_CLIENT_CHARS])
    error_type = error_type[:_TYPE_CHARS] if error_type else None
    template = grouping.template if grouping else None
    if not template and (trace or grouping):
        found = find_statement(message, error_type, trace, grouping.trace if grouping else None)
        if found is not None:
            return _statement_value(found[0].origin, found[1])
    return _of_skeleton(mask_message(template or message), error_type).value


def find_statement(
    message: str, error_type: str | None, split: SplitTrace | None, told: Trace | None
) -> tuple[Raised, str] | None:
    """The statement that raised an error, and what it says, masked; empty where its source says it. None without frames."""
    raised = find_raised(told, error_type) if told is not None else _find_raised(split, error_type) if split else None
    if raised is None:
        return None
    if raised.is_told:
        return raised, ""
    skeleton = mask_message(message) if message != error_type else ""
    if not (raised.is_raise or says_something(skeleton)):
        whole = told or (read_trace(split) if split else None)
        raised = add_callers(raised, whole) if whole else raised
    return raised, skeleton


def _find_raised(split: SplitTrace, error_type: str | None) -> Raised | None:
    line, rest, last_first = split
    find = _recall_raised if may_be_kept(rest) else _raised_in
    return find(head_of_line(line), rest, last_first, error_type)


def _raised_in(head: str, rest: str, last_first: bool, error_type: str | None) -> Raised | None:
    trace = read_text(head, rest, last_first, is_whole=False)
    return find_raised(trace, error_type) if trace.frames else None


_recall_raised = lru_cache(maxsize=TRACE_ENTRIES)(_raised_in)


@lru_cache(maxsize=4_096)
def _of_skeleton(skeleton: str, error_type: str | None) -> Fingerprint:
    return Fingerprint(
        _hash("message", error_type or "", skeleton), "message", skeleton, make_title(error_type, skeleton)
    )


def _of_client(client: str, error_type: str | None, skeleton: str) -> Fingerprint:
    return Fingerprint(_hash("client", client), "client", skeleton, make_title(error_type, skeleton), client)


def _of_statement(raised: Raised, said: str, skeleton: str, error_type: str | None) -> Fingerprint:
    title = make_title(error_type or (raised.types[0] if raised.types else None), skeleton)
    return Fingerprint(_statement_value(raised.origin, said), "stacktrace", skeleton, title, raised.origin)


@lru_cache(maxsize=TRACE_ENTRIES)
def _statement_value(origin: str, said: str) -> int:
    return _hash("stacktrace", origin, said)


def make_title(error_type: str | None, skeleton: str) -> str:
    """The type and the skeleton, or the template of several, in at most TITLE_CHARS characters: what people see."""
    if error_type and not skeleton.startswith(error_type):
        skeleton = f"{error_type}: {skeleton}"
    return skeleton if len(skeleton) <= TITLE_CHARS else skeleton[: TITLE_CHARS - 1] + "\u2026"


def _hash(*parts: str) -> int:
    text = "\0".join((str(FINGERPRINT_VERSION), *parts))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True) or 1
