"""What the fields of an item may be written as beside their documented form, where that has one plain meaning. Pure.

A service that logs cannot be taught everything: capitals, an empty release, a number as a tag say clearly what is
meant. Only what the models refuse is read otherwise, so a field means the same whatever is wrong with the next one; what
has no plain meaning is left to them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from api.ingest.receivers.json_bounds import cut_values, has_more_values, is_vast
from api.ingest.receivers.json_text import repair_text, split_object
from common.tables import Adjustment

CLEANED, NORMALIZED = Adjustment.cleaned.value, Adjustment.normalized.value
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SCALAR = re.compile(NUMBER.pattern + rb"|true|false|NaN|-?Infinity")
EMPTY = {b"[": b"[]", b"{": b"{}"}
NULL, EMPTY_TEXT, EMPTY_LIST = b"null", b'""', re.compile(rb"\[\s*\]")  # which PHP writes for an empty object


class NotExact(ValueError):
    """A name holds what cannot be kept, and without it would be another name; the text says which field."""


class TooManyValues(ValueError):
    """An object that is never cut holds more values than any of its kind has; the text says which field."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The fields of an item that may be written otherwise: words of a list with the words that mean the same, names that
    may be empty, objects that may be an empty list and of which too many values are cut, objects of texts; objects that
    are taken whole or, with more values than this, not at all; and those that are never cleaned, since they name
    something, and another text would name another thing."""

    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    optional_names: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    whole: Mapping[str, int] = field(default_factory=dict)
    exact: frozenset[str] = frozenset()


class Reworded(NamedTuple):
    """An item as text that the models can read, and what was adjusted to make it so."""

    text: bytes
    adjustments: int


SEVERITY_WORDS = {
    word: severity
    for severity, words in {
        "debug": ("debug", "trace", "verbose"),
        "info": ("info", "information", "informational", "notice"),
        "warning": ("warning", "warn"),
        "error": ("error", "err"),
        "critical": ("critical", "crit", "fatal", "alert", "emergency", "emerg", "panic"),
    }.items()
    for word in words
}
ERROR_WORDING = Wording(
    words={"severity": SEVERITY_WORDS},
    optional_names=frozenset({"error_type", "environment", "release", "fingerprint"}),
    objects=frozenset({"context", "tags"}),
    texts=frozenset({"tags"}),
)


class Bounds(NamedTuple):
    """How deep a field is read, and how many of its keys and items: what is beyond is cut, so more is not kept of it."""

    depth: int
    values: int


def reword(item: bytes, wording: Wording, bounds: Bounds) -> Reworded:
    """The item in the form that the models read, each field by itself. Raises ValueError where it is no object, NotExact,
    TooManyValues."""
    kept: dict[str, bytes] = {}
    adjustments = 0
    for name, raw in split_object(item).items():
        bounded = bound_field(name, raw, wording, bounds)
        deepest = bounds.depth + 1 if bounded is raw else len(bounded)  # what is cut is not looked through for it again
        text, is_cleaned = repair_text(bounded, deepest)
        if is_cleaned and name in wording.exact:
            raise NotExact(name)
        meant = read_meaning(name, text, wording)
        adjustments |= (CLEANED if is_cleaned else 0) | (NORMALIZED if meant != text else 0)
        if meant is not None:
            kept[name] = meant
    return Reworded(join_object(kept), adjustments)


def bound_field(name: str, raw: bytes, wording: Wording, bounds: Bounds) -> bytes:
    """The field's text without what will not be kept of it. Raises TooManyValues."""
    most = wording.whole.get(name)
    if most is not None and has_more_values(raw, most):
        raise TooManyValues(name)
    if most is not None or raw[:1] not in (b"[", b"{") or not is_vast(raw):
        return raw
    if name in wording.objects:
        return cut_values(raw, bounds.depth, bounds.values + 1)
    return EMPTY[raw[:1]]  # no field of the others may be this, whatever is in it


def join_object(fields: Mapping[str, bytes]) -> bytes:
    return b"{%s}" % b",".join([b"%s:%s" % (to_json(name), value) for name, value in fields.items()])


def read_meaning(name: str, raw: bytes, wording: Wording) -> bytes | None:
    """The field's value in its documented form; None where it says nothing."""
    if name in wording.words:
        return read_word(raw, wording.words[name])
    if name in wording.optional_names:
        return read_name(raw)
    if name in wording.objects and EMPTY_LIST.fullmatch(raw):
        return None
    return read_texts(raw) if name in wording.texts else raw


def read_word(raw: bytes, words: Mapping[str, str]) -> bytes:
    """A word of the list in any case, or one that means the same."""
    said = read_string(raw)
    meant = None if said is None else words.get(said.strip().lower())
    return raw if meant is None or meant == said else to_json(meant)


def read_name(raw: bytes) -> bytes | None:
    """A name that is empty is none; one that is a number is the number's text, as it was sent."""
    if raw == EMPTY_TEXT:
        return None
    return b'"%s"' % raw if NUMBER.fullmatch(raw) else raw


def read_texts(raw: bytes) -> bytes:
    """An object of texts: numbers and booleans are their JSON text, null is none."""
    try:
        sent = split_object(raw)
    except ValueError:
        return raw  # the model says so
    meant = {
        name: b'"%s"' % value if SCALAR.fullmatch(value) else value for name, value in sent.items() if value != NULL
    }
    return raw if meant == sent else join_object(meant)


def read_string(raw: bytes) -> str | None:
    """The text that a JSON string says; None for other JSON."""
    if raw[:1] != b'"':
        return None
    try:
        said: Any = from_json(raw)
    except ValueError:
        return None
    return said if isinstance(said, str) else None
