"""Makes any JSON value storable: what JSON or Postgres cannot keep is replaced, what is too much is cut. Pure."""

import math
import re
from typing import Any, NamedTuple

from api.ingest.sanitize.redaction import is_utf8

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CUT = "[cut]"
MAX_NUMBER_DIGITS = 300
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Cleaned(NamedTuple):
    """A storable value; `is_cleaned` where something was replaced, `is_cut` where something was left out."""

    value: Any
    is_cleaned: bool
    is_cut: bool


def clean_text(text: str) -> str:
    """Without NUL and lone surrogates. Most have none, which is told sooner than by a search for both."""
    if "\x00" not in text and (text.isascii() or is_utf8(text)):
        return text
    return UNSTORABLE.sub(REPLACEMENT, text)


def cut_text(text: str, max_bytes: int) -> str:
    """The beginning of the text, at most `max_bytes` long in UTF-8, cut between characters."""
    if len(text) * 4 <= max_bytes:
        return text
    encoded = text[:max_bytes].encode()
    return text if len(encoded) <= max_bytes and len(text) <= max_bytes else encoded[:max_bytes].decode(errors="ignore")


def clean_value(value: Any, max_depth: int, max_keys: int) -> Cleaned:
    """A storable copy of a parsed JSON value. `max_keys` counts keys and list items over the whole value; numbers have
    4,300 digits at most."""
    cleaner = Cleaner(max_keys)
    kept = cleaner.clean(value, max_depth)
    return Cleaned(kept, cleaner.is_cleaned, cleaner.is_cut)


class Cleaner:
    def __init__(self, max_keys: int) -> None:
        self.keys_left = max_keys
        self.is_cleaned = self.is_cut = False

    def clean(self, value: Any, depth: int) -> Any:
        match value:
            case str():
                return self.replace(value, clean_text(value))
            case float() if not math.isfinite(value):
                return self.replace(value, NOT_FINITE[str(value)])
            case int() if abs(value) >= 10**MAX_NUMBER_DIGITS:
                return self.replace(value, str(value))
            case dict() | list() if depth <= 0:
                self.is_cut = True
                return CUT
            case dict():
                return {self.clean(str(k), 0): self.clean(v, depth - 1) for k, v in value.items() if self.has_room()}
            case list():
                return [self.clean(v, depth - 1) for v in value if self.has_room()]
        return value

    def replace(self, value: Any, kept: str) -> str:
        self.is_cleaned = self.is_cleaned or kept != value
        return kept

    def has_room(self) -> bool:
        self.keys_left -= 1
        self.is_cut = self.is_cut or self.keys_left < 0
        return self.keys_left >= 0
