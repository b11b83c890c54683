"""The plain form of a batch of errors, read in a third of the time that the models take. Pure.

Plain is what most services send: right in every field, nothing that has to be made storable, few escapes. What is read
here is what the models would have read, except that JSON stays the text that was sent. All else is left to the models,
which alone say what is wrong with a body (docs/decisions/0016).
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Raw
from pydantic_core import SchemaValidator, core_schema, from_json

from api.ingest.redaction import HINT, automaton

NAME_MAX_CHARS, TAGS_MAX = 200, 100
Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX_CHARS)]


class WireError(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One error as it stands in the body; its fields are those of `schemas.ErrorIn`."""

    service: Name
    severity: Literal["debug", "info", "warning", "error", "critical"]
    message: Annotated[str, Meta(min_length=1)]
    event_id: UUID | None = None
    timestamp: str | None = None
    error_type: Name | None = None
    stack_trace: str | None = None
    environment: Name | None = None
    release: Name | None = None
    context: Raw = Raw(b"null")
    tags: Raw = Raw(b"null")
    fingerprint: Name | None = None


class WireBatch(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    errors: list[WireError]


class PlainError(msgspec.Struct, gc=False):
    """One error that can go on; as `schemas.ErrorIn`, but where context and tags are plain they are JSON texts, without
    secrets."""

    service: str
    severity: str
    message: str
    event_id: UUID | None
    timestamp: datetime | None
    error_type: str | None
    stack_trace: str | None
    environment: str | None
    release: str | None
    context: dict[str, Any] | str | None
    tags: dict[str, Any] | str | None
    fingerprint: str | None


decode_batch = msgspec.json.Decoder(WireBatch).decode
decode_one = msgspec.json.Decoder(WireError).decode
read_datetime = SchemaValidator(core_schema.datetime_schema()).validate_python  # the models' own
# What JSON must not hold to stay as it was sent: what may be a secret, escapes, under which one could hide, and numbers
# that no reader could be trusted with.
ODD = rf"{HINT}|\\|[0-9]{{300}}|[:,\[\s]-?[0-9.]+[eE][+-]?[0-9]{{3}}"
_TEXT = r'\s*"[^"\\]*"\s*'
PLAIN_TAGS = rf"^\{{{_TEXT}:{_TEXT}(?:,{_TEXT}:{_TEXT})*\}}$"
is_odd, are_plain_tags = automaton(ODD), automaton(PLAIN_TAGS)
INSTANT_CHARS = len("2026-11-24T12:00:00.123456")  # further ones are cut off by the models, and rounded by msgspec
PLAIN_BRACKETS = 100  # by themselves; in a batch, the models give up at a depth of 200
NOT_PLAIN = (msgspec.DecodeError, ValueError, RecursionError)  # text that is not UTF-8 is a ValueError


def read_plain_batch(body: bytes) -> list[PlainError] | None:
    """The errors of a plain body, at least one; None for any other."""
    try:
        return [settle(error) for error in decode_batch(body).errors] or None
    except NOT_PLAIN:
        return None


def read_plain_error(body: bytes) -> PlainError | None:
    """The error that is the body or a line of it; None for any that is not plain."""
    try:
        return settle(decode_one(body))
    except NOT_PLAIN:
        return None


def settle(error: WireError) -> PlainError:
    """Raises ValueError where the models have to look."""
    return PlainError(
        error.service,
        error.severity,
        error.message,
        error.event_id,
        None if error.timestamp is None else read_instant(error.timestamp),
        error.error_type,
        error.stack_trace,
        error.environment,
        error.release,
        read_context(str(error.context, "utf-8")),
        read_tags(str(error.tags, "utf-8")),
        error.fingerprint,
    )


def read_instant(text: str) -> datetime:
    """As `fields.LenientInstant` reads it. Raises ValueError."""
    if text[4:5] != "-":
        raise ValueError("neither date nor time: the model says so")
    if not text[INSTANT_CHARS : INSTANT_CHARS + 1].isdigit():
        try:
            return msgspec.convert(text, datetime)  # in UTC itself, where the models' way has a zone of its own for it
        except msgspec.ValidationError:
            pass  # RFC 3339 is less than the models take
    at: datetime = read_datetime(text)
    return at


def read_context(text: str) -> dict[str, Any] | str | None:
    """The text of an object, or what is in it where that must be written anew. Raises ValueError for other JSON."""
    if text == "null":
        return None
    if text[0] != "{" or (len(text) > 2 * PLAIN_BRACKETS and text.count("{") + text.count("[") > PLAIN_BRACKETS):
        raise ValueError("no object, or a deep one: the model says so")
    if '"' in text and not is_odd(text):
        return text
    value: dict[str, Any] = from_json(text)
    return value


def read_tags(text: str) -> dict[str, Any] | str | None:
    """As `read_context`, for an object of texts."""
    if are_plain_tags(text) and text.count(",") < TAGS_MAX and not is_odd(text):
        return text
    tags = read_context(text)
    tags = from_json(tags) if isinstance(tags, str) else tags
    if tags and (len(tags) > TAGS_MAX or not all(isinstance(tag, str) for tag in tags.values())):
        raise ValueError("not texts, or too many: the model says so")
    return tags
