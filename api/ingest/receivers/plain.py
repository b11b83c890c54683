"""The plain form of a batch of errors, read in a third of the time that the models take. Pure.

Plain is what most services send: right in every field, nothing that has to be made storable, few escapes. What is read
here is what the models would have read, except that JSON stays the text that was sent. All else is left to the models,
which alone say what is wrong with a body (docs/decisions/0016).
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Meta, Raw
from pydantic_core import from_json

from api.ingest.receivers.json_bounds import is_vast
from api.ingest.sanitize.redaction import HINT, automaton
from common.fingerprint import Grouping
from common.severities import SeverityWord

NAME_MAX_CHARS, TAGS_MAX = 200, 100
TAGS_MEMO_CHARS, TAGS_ENTRIES = 512, 4_096
Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX_CHARS)]
JsonT = TypeVar("JsonT")
NOTHING: Any = Raw(b"null")
DEFAULT_KEY = "{{ default }}"  # as Sentry's SDKs write it


class PlainError(msgspec.Struct, Generic[JsonT], forbid_unknown_fields=True, gc=False):
    """One error that can go on, with the fields of `schemas.ErrorIn`. Its context and tags are the text that was sent; once
    it is settled they are JSON texts without secrets, or what is in them where they must be written anew."""

    service: Name
    severity: SeverityWord
    message: Annotated[str, Meta(min_length=1)]
    event_id: UUID | None = None
    timestamp: datetime | None = None
    error_type: Name | None = None
    stack_trace: str | None = None
    environment: Name | None = None
    release: Name | None = None
    context: JsonT = NOTHING
    tags: JsonT = NOTHING
    fingerprint: Name | None = None


class ReceivedError(PlainError[JsonT], gc=False):
    """An error of a protocol that tells frames, or what a message was made of. In its fingerprint DEFAULT_KEY stands for what
    it would be grouped by without one."""

    grouping: Grouping | None = None


class PlainBatch(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A body of errors as it was sent."""

    errors: list[PlainError[Raw]]


Json = dict[str, Any] | str | None
decode_batch = msgspec.json.Decoder(PlainBatch).decode
decode_one = msgspec.json.Decoder(PlainError[Raw]).decode
# What JSON must not hold to stay as it was sent: what may be a secret, escapes, under which one could hide, and numbers
# that no reader could be trusted with, of 200 digits since two digits of an exponent may make 99 more of them.
ODD = rf"{HINT}|\\|[0-9]{{200}}|[:,\[ \t\r\n]-?[0-9.]+[eE][+-]?[0-9]{{3}}"
_TEXT = r'\s*"[^"\\]*"\s*'
PLAIN_TAGS = rf"^\{{{_TEXT}:{_TEXT}(?:,{_TEXT}:{_TEXT})*\}}$"
is_odd, are_plain_tags = automaton(ODD), automaton(PLAIN_TAGS)
PLAIN_BRACKETS = 100  # by themselves; in a batch, the models give up at a depth of 200
NOT_PLAIN = (msgspec.DecodeError, ValueError, RecursionError)  # text that is not UTF-8 is a ValueError


def read_plain_batch(body: bytes) -> list[PlainError[Json]] | None:
    """The errors of a plain body, at least one; None for any other."""
    try:
        return [settle(error) for error in decode_batch(body).errors] or None
    except NOT_PLAIN:
        return None


def read_plain_error(body: bytes) -> PlainError[Json] | None:
    """The error that is the body or a line of it; None for any that is not plain."""
    try:
        return settle(decode_one(body))
    except NOT_PLAIN:
        return None


def settle(sent: PlainError[Raw]) -> PlainError[Json]:
    """The same error. Raises ValueError where the models have to look."""
    error = cast("PlainError[Json]", sent)
    error.context = read_context(str(sent.context, "utf-8"))
    error.tags = recall_tags(str(sent.tags, "utf-8"))
    return error


def read_context(text: str) -> Json:
    """The text of an object, or what is in it where that must be written anew. Raises ValueError for other JSON."""
    if text == "null":
        return None
    if text[0] != "{" or (len(text) > 2 * PLAIN_BRACKETS and text.count("{") + text.count("[") > PLAIN_BRACKETS):
        raise ValueError("no object, or a deep one: the model says so")
    if '"' in text and not is_odd(text):
        return text
    if is_vast(text.encode()):
        raise ValueError("it may have to be cut before it is read")
    value: dict[str, Any] = from_json(text)
    return value


def read_tags(text: str) -> Json:
    """As `read_context`, for an object of texts."""
    if are_plain_tags(text) and text.count(",") < TAGS_MAX and not is_odd(text):
        return text
    tags = read_context(text)
    tags = from_json(tags) if isinstance(tags, str) else tags
    if tags and (len(tags) > TAGS_MAX or not all(isinstance(tag, str) for tag in tags.values())):
        raise ValueError("not texts, or too many: the model says so")
    return tags


remember_tags = lru_cache(maxsize=TAGS_ENTRIES)(read_tags)


def recall_tags(text: str) -> Json:
    """As `read_tags`, once for those that come again: what they say is of the program and not of the error."""
    return remember_tags(text) if len(text) <= TAGS_MEMO_CHARS else read_tags(text)
