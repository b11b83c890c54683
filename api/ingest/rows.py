"""From an error as sent to the row that is written: its time, its size, its secrets, its fingerprint. Pure."""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast
from uuid import UUID

import uuid_utils
from asyncpg.pgproto import pgproto
from pydantic_core import from_json, to_json

from api.ingest.receivers.json_bounds import VALUES_READ, cut_values, is_vast, is_within
from api.ingest.receivers.native import SentError
from api.ingest.receivers.plain import DEFAULT_KEY, NAME_MAX_CHARS, ReceivedError
from api.ingest.sanitize.cleaning import MAX_NUMBER_DIGITS, clean_value, cut_text
from api.ingest.sanitize.redaction import (
    automaton,
    may_hold,
    may_hold_secrets,
    redact_object,
    redact_text,
    without_programs,
)
from api.ingest.times import NO_DAYS, Times, to_utc
from api.storing.rows import NAMES_ENTRIES, ErrorRow, LookBack
from common.database.clock import CLOCK
from common.fingerprint import (
    GROUPING,
    TRACE_CHARS,
    TRACE_ENTRIES,
    Grouping,
    SplitTrace,
    fingerprint_value,
    may_be_kept,
    split_trace,
)
from common.settings import Settings
from common.tables import Adjustment, Severity
from common.uuid7 import time_of_uuid7

# plain numbers: flags as enumerations cost five microseconds an error
TRUNCATED, RETIMED, CLEANED, REDACTED = (
    flag.value for flag in (Adjustment.truncated, Adjustment.retimed, Adjustment.cleaned, Adjustment.redacted)
)
# In JSON as it is dumped: what may be a number that no reader could be trusted with. To count to 300 takes ten times as long
# as to look for twenty digits as twenty times the same, so that is done only where there are as many.
has_long_number = automaton(rf"[0-9]{{{MAX_NUMBER_DIGITS + 1}}}")
DIGITS, MANY_DIGITS = bytes.maketrans(b"123456789", b"0" * 9), b"0" * 20
SEVERITIES = {severity.name: severity.value for severity in Severity}
MOST_REDACTIONS = 2**15 - 1  # of a smallint


class RequestContext(NamedTuple):
    """What all rows of one request share."""

    project_id: UUID
    received_at: datetime
    times: Times
    settings: Settings

    @classmethod
    def now(cls, project_id: UUID, settings: Settings, early: frozenset[date] | None = NO_DAYS) -> "RequestContext":
        """`early`: as `Times.at` has it."""
        now = CLOCK.now()
        return cls(cast("UUID", pgproto.UUID(project_id.bytes)), now, Times.at(now, settings, early), settings)


new_row: Callable[[tuple[Any, ...]], ErrorRow] = partial(tuple.__new__, ErrorRow)  # half of what the class itself takes


def make_row(error: SentError, request: RequestContext) -> ErrorRow:
    """The row of one error. Everything is cut before it is searched, and redacted before it is fingerprinted."""
    settings = request.settings
    occurred_at, is_retimed, look_back = resolve_time(error, request)
    message, redactions, adjustments = sanitize_text(error.message, settings.message_max_bytes)
    names, in_names = redact_names(error.service, error.environment, error.release, error.error_type, error.fingerprint)
    service, environment, release, error_type, client_fingerprint = names
    redactions += in_names
    stack_trace = trace = context = tags = grouping = None
    if error.stack_trace:
        stack_trace, found, adjusted, trace = sanitize_trace(error.stack_trace, settings.stack_trace_max_bytes)
        redactions, adjustments = redactions + found, adjustments | adjusted
    if error.context:
        context, found, adjusted = sanitize_json(error.context, settings)
        redactions, adjustments = redactions + found, adjustments | adjusted
    if error.tags:
        tags, found, adjusted = sanitize_json(error.tags, settings)
        redactions, adjustments = redactions + found, adjustments | adjusted
    if type(error) is ReceivedError and error.grouping is not None:
        grouping, written, found = sanitize_grouping(error.grouping)
        redactions += found
        context = join_grouping(written, context)
    adjustments |= (RETIMED if is_retimed else 0) | (REDACTED if redactions else 0)
    if type(error) is ReceivedError:
        client_fingerprint, fingerprint = fingerprint_received(grouping, message, error_type, trace, client_fingerprint)
    else:
        fingerprint = fingerprint_value(
            message=message, error_type=error_type, trace=trace, client_fingerprint=client_fingerprint
        )
    return new_row((
        request.project_id, occurred_at.date(), error.event_id or make_event_id(), occurred_at, request.received_at,
        fingerprint, SEVERITIES[error.severity], adjustments, min(redactions, MOST_REDACTIONS),
        service, environment, release, error_type, client_fingerprint, message, stack_trace, context, tags, look_back,
    ))  # fmt: skip


def sanitize_grouping(grouping: Grouping) -> tuple[Grouping, str, int]:
    """The same without secrets, as JSON (empty where it says nothing), and its redactions. The worker comes to the same
    fingerprint by what stands there."""
    kept = grouping.as_json()
    if kept is None:
        return grouping, "", 0
    text = dump(kept)
    if not may_hold_secrets(text):
        return grouping, text, 0
    grouping, found = grouping.change(redact_text)
    return grouping, dump(grouping.as_json()), found


def join_grouping(grouping: str, context: str | None) -> str | None:
    """The JSON text of a context with this under its first key."""
    if not grouping:
        return context
    rest = f",{context[1:]}" if context and context != "{}" else "}"
    return f'{{"{GROUPING}":{grouping}{rest}'


def fingerprint_received(
    grouping: Grouping | None, message: str, error_type: str | None, trace: SplitTrace | None, client: str | None
) -> tuple[str | None, int]:
    """The fingerprint that the client gave, written out, and the one that the error has."""
    if client and DEFAULT_KEY in client:
        _, default = fingerprint_received(grouping, message, error_type, trace, None)
        client = client.replace(DEFAULT_KEY, f"{default & 2**64 - 1:016x}")[:NAME_MAX_CHARS]
    value = fingerprint_value(
        message=message, error_type=error_type, trace=trace, client_fingerprint=client, grouping=grouping
    )
    return client, value


def note_adjustments(row: ErrorRow, adjustments: int) -> ErrorRow:
    """The row, marked with what was done to its error before as well."""
    return row._replace(adjustments=row.adjustments | adjustments)


def make_event_id() -> UUID:
    """A new UUIDv7, of the kind that the driver sends as it is: the standard one takes four times as long."""
    return cast("UUID", pgproto.UUID(uuid_utils.uuid7().bytes))


def sanitize_text(text: str, max_bytes: int) -> tuple[str, int, int]:
    """The text cut and redacted, its redactions, its adjustments."""
    if 4 * len(text) <= max_bytes and not may_hold_secrets(text):
        return text, 0, 0
    cut = cut_text(text, max_bytes)
    redacted, redactions = redact_text(cut)
    return redacted, redactions, TRUNCATED if len(cut) < len(text) else 0


def sanitize_trace(text: str, max_bytes: int) -> tuple[str, int, int, SplitTrace]:
    """As `settle_text`, and what groups are made of. All but the line with the message comes again with each error of its
    kind, and is searched once."""
    cut = cut_text(text, max_bytes)
    adjusted = TRUNCATED if len(cut) < len(text) else 0
    split = split_trace(cut)
    is_kept = len(cut) <= TRACE_CHARS and may_be_kept(split.rest)
    if is_kept and not (may_come_with_secrets(split.rest) or may_hold_secrets(split.line)):
        return cut, 0, adjusted, split
    redacted, redactions = redact_text(cut)
    return redacted, redactions, adjusted, split_trace(redacted) if redactions else split


may_come_with_secrets = lru_cache(maxsize=TRACE_ENTRIES)(may_hold_secrets)


@lru_cache(maxsize=NAMES_ENTRIES)
def redact_names(service: str, *others: str | None) -> tuple[tuple[Any, ...], int]:
    """The names without secrets, and how many were taken out: groups, filters and titles are made of them."""
    redacted = [redact_text(name) if name else (name, 0) for name in (service, *others)]
    return tuple([name for name, _ in redacted]), sum(found for _, found in redacted)


def resolve_time(error: SentError, request: RequestContext) -> tuple[datetime, bool, LookBack | None]:
    """When it happened (UTC), whether the client's time was replaced, and where it may be stored already.

    The client's time decides the day, so that a retry meets its own row.
    """
    sent, times = error.timestamp, request.times
    if sent is None and error.event_id is not None:
        sent = time_of_uuid7(error.event_id)
    at = to_utc(sent) if sent is not None else None
    if at is not None:
        if times.calm_from <= at < times.calm_until:
            return at, False, None
        if times.oldest <= at <= times.newest:
            return at, False, None if error.event_id is None else times.look_beside(at)
    return request.received_at, sent is not None, None if error.event_id is None else times.look_everywhere(at)


def sanitize_json(value: dict[str, Any] | str, settings: Settings) -> tuple[str, int, int]:
    """The value as JSON text, its redactions, its adjustments. Where it is a plain JSON text already, it stays as it is.

    The walks cost twenty times the dump, so they are made only where the dumped text says that they might find
    something: too many brackets or keys, a number that cannot be kept, or a word that secrets go by.
    """
    if isinstance(value, str):
        if is_small(value, settings):
            return value, 0, 0
        value = read_bounded(value, settings)
    return sanitize_object(value, settings)


def sanitize_object(value: dict[str, Any], settings: Settings) -> tuple[str, int, int]:
    """The same of a value that is read already."""
    adjustments = 0
    text = dump(value)
    bare = without_programs(value)
    if not (is_small(text, settings) or keeps_limits(value, bare, text, settings)) or is_unsound(text):
        bare = None
        cleaned = clean_value(value, settings.json_max_depth, settings.json_max_keys)
        adjustments = (TRUNCATED if cleaned.is_cut else 0) | (CLEANED if cleaned.is_cleaned else 0)
        value = cleaned.value
        text = dump(value)
    if len(text) > settings.error_max_bytes:
        return dump({"cut": f"{len(text):,} characters of JSON"}), 0, adjustments | TRUNCATED
    redactions = 0
    if may_hold_secrets(text) if bare is None else may_hold(bare):
        redacted, redactions = redact_object(value, "")
        text = dump(redacted) if redactions else text
    return text, redactions, adjustments


def read_bounded(text: str, settings: Settings) -> dict[str, Any]:
    """What a JSON text of an object says, as far as it is kept, and one value more, so that it is seen where it was cut."""
    raw = text.encode()
    if is_vast(raw):
        raw = cut_values(raw, settings.json_max_depth, max(settings.json_max_keys, VALUES_READ) + 1)
    value: dict[str, Any] = from_json(raw)
    return value


def is_unsound(text: str) -> bool:
    """Whether a JSON text may hold a number that no reader could be trusted with."""
    return (
        '"NaN"' in text
        or 'Infinity"' in text
        or (MANY_DIGITS in text.encode().translate(DIGITS) and has_long_number(text))
    )


def is_small(text: str, settings: Settings) -> bool:
    """Whether a JSON text keeps all limits for certain: it has no more keys and items than commas and brackets."""
    brackets = text.count("{") + text.count("[")
    return (
        brackets <= settings.json_max_depth
        and (len(text) < settings.json_max_keys or text.count(",") + brackets <= settings.json_max_keys)
        and len(text) <= settings.error_max_bytes
    )


def keeps_limits(value: dict[str, Any], bare: dict[str, Any] | None, text: str, settings: Settings) -> bool:
    """The same by a closer look, of an object and the text that it is written as; `bare`: as `without_programs` has it, where the
    locals of frames stand a step less deep."""
    less_deep, depth = (value, settings.json_max_depth) if bare is None else (bare, settings.json_max_depth - 1)
    return len(text) <= settings.error_max_bytes and is_within(less_deep, text, depth, settings.json_max_keys)


def dump(value: object) -> str:
    return to_json(value, inf_nan_mode="strings").decode()
