"""Errors out of protocols whose senders cannot mend what they send: all of it is made storable, nothing is refused. Pure.

Every such receiver reads its JSON by `read_json` and makes its items by `build_error`, so that a name of 300 characters or
a NUL means the same whichever way it came.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
from pydantic_core import from_json, to_json

from api.ingest.receivers.items import Parsed
from api.ingest.receivers.json_bounds import cut_values, is_vast
from api.ingest.receivers.json_text import repair_text, to_utf8
from api.ingest.receivers.plain import NAME_MAX_CHARS, TAGS_MAX, Json, PlainError, ReceivedError
from api.ingest.sanitize.cleaning import clean_text
from api.ingest.sanitize.redaction import automaton
from common.fingerprint import Grouping
from common.severities import SeverityWord
from common.tables import Adjustment

CLEANED, TRUNCATED = Adjustment.cleaned.value, Adjustment.truncated.value
SHALLOW = 150  # brackets: no reader has less depth
NO_MESSAGE = "(no message)"
has_nul = automaton(r"\\u0000")


def read_json(raw: bytes, *, depth: int, values: int) -> tuple[Any, int]:
    """The value of a JSON text, which may hold NaN, NUL, halves of surrogate pairs and bytes that are not UTF-8, and what
    was adjusted (flags of Adjustment). What may hold more than so many keys and items is cut to these, and to `depth`, before
    it is read; so is to `depth` what is too deep for the reader. Raises ValueError for what is no JSON even so."""
    adjustments = 0
    if is_vast(raw, values):
        bounded = cut_values(raw, depth, values)
        adjustments, raw = TRUNCATED if bounded != raw else 0, bounded
    if not has_nul(raw):
        try:
            return decode(raw), adjustments
        except ValueError:
            pass  # it is repaired, and read again
    text, is_cleaned = repair_text(to_utf8(raw), depth)
    return from_json(text), adjustments | (CLEANED if is_cleaned else 0)


def decode(raw: bytes) -> Any:
    """The value of a JSON text. Raises ValueError."""
    if raw.count(b"[") + raw.count(b"{") < SHALLOW:
        try:
            return msgspec.json.decode(raw)  # half of what the other takes, but it knows no NaN, and no bound of depth
        except ValueError:  # msgspec's are of these
            pass
    return from_json(raw)


def build_error(
    *,
    service: str,
    severity: SeverityWord,
    message: str,
    event_id: UUID | None = None,
    timestamp: datetime | None = None,
    error_type: str | None = None,
    stack_trace: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    context: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    fingerprint: str | None = None,
    grouping: Grouping | None = None,
    adjustments: int = 0,
) -> Parsed[PlainError[Json]]:
    """An error of these fields, whatever their length, and how it was adjusted, `adjustments` included. Texts may hold NUL;
    `context` and `tags` are values of JSON as `read_json` gives them. Message, trace and context may be longer than they are
    kept: they are cut with the row (api/ingest/rows.py). `grouping` goes before what would be read of the texts, and is kept in
    the context; in `fingerprint` DEFAULT_KEY stands for it."""
    sent_names = (service, error_type, environment, release, fingerprint)
    names = [cut_name(name) for name in sent_names]
    is_cut = any(name is not None and len(name) > NAME_MAX_CHARS for name in sent_names)
    texts = {clean_text(name): text_of(value) for name, value in (tags or {}).items() if value is not None}
    kept = dict(list(texts.items())[:TAGS_MAX])
    error = ReceivedError[Json](
        service=names[0] or "unknown",
        severity=severity,
        message=clean_text(message) or NO_MESSAGE,
        event_id=event_id,
        timestamp=timestamp,
        error_type=names[1],
        stack_trace=clean_text(stack_trace) if stack_trace else None,
        environment=names[2],
        release=names[3],
        context=cast("dict[str, Any]", context) or None,
        tags=cast("dict[str, Any]", kept) or None,
        fingerprint=names[4],
        grouping=grouping,
    )
    return Parsed(error, adjustments | (TRUNCATED if is_cut or len(kept) < len(texts) else 0))


def cut_name(name: str | None) -> str | None:
    """The name as far as it is kept; None where there is none."""
    return clean_text(name)[:NAME_MAX_CHARS] if name else None


def text_of(value: Any) -> str:
    """A tag's value as text: a text as it is, true and 7 as JSON has them."""
    return clean_text(value) if isinstance(value, str) else to_json(value, inf_nan_mode="strings").decode()
