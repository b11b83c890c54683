"""Makes any JSON value storable: what JSON or Postgres cannot keep is replaced, what is too much is cut. Pure."""

import json
import math
import re
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CUT = "[cut]"
MAX_NUMBER_DIGITS = 300
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# The pieces of a JSON text that matter for its depth: strings (to the end of the text if need be, so that no place is
# scanned twice), and brackets outside of them.
BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def clean_text(text: str) -> str:
    """Without NUL and lone surrogates."""
    return UNSTORABLE.sub(REPLACEMENT, text)


def cut_text(text: str, max_bytes: int) -> str:
    """The beginning of the text, at most `max_bytes` long in UTF-8, cut between characters."""
    if len(text) * 4 <= max_bytes:
        return text
    encoded = text[:max_bytes].encode()
    return text if len(encoded) <= max_bytes and len(text) <= max_bytes else encoded[:max_bytes].decode(errors="ignore")


def load_tolerantly(body: bytes, max_depth: int) -> Any:
    """Parse what is almost JSON: any Unicode encoding, broken bytes, NaN, huge numbers, any depth (cut).

    Raises ValueError where it is not JSON even so.
    """
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, errors="replace").removeprefix("\ufeff")
    return json.loads(cut_depth(text, max_depth), parse_int=parse_number, strict=False)


def parse_number(digits: str) -> int | str:
    """The number, or its digits as text when no JSON reader could be trusted with it."""
    return int(digits) if len(digits) <= MAX_NUMBER_DIGITS else digits


def cut_depth(text: str, max_depth: int) -> str:
    """The JSON text with everything nested deeper than `max_depth` replaced by "[cut]", in one pass."""
    if text.count("[") + text.count("{") <= max_depth:
        return text
    kept, depth, start = [], 0, 0
    for piece in BRACKETS.finditer(text):
        if piece[0] in "[{":
            depth += 1
            if depth == max_depth + 1:
                kept.append(text[start : piece.start()])
        elif piece[0] in "]}":
            depth -= 1
            if depth == max_depth:
                kept.append(f'"{CUT}"')
                start = piece.end()
    if depth <= max_depth:
        kept.append(text[start:])
    return "".join(kept)


def clean_value(value: Any, max_depth: int, max_keys: int) -> Any:
    """A storable copy of a parsed JSON value. `max_keys` counts keys and list items over the whole value."""
    return Cleaner(max_keys).clean(value, max_depth)


class Cleaner:
    def __init__(self, max_keys: int) -> None:
        self.keys_left = max_keys

    def clean(self, value: Any, depth: int) -> Any:
        match value:
            case str():
                return clean_text(value)
            case float() if not math.isfinite(value):
                return NOT_FINITE[str(value)]
            case int() if abs(value) >= 10**MAX_NUMBER_DIGITS:
                return CUT
            case dict() | list() if depth <= 0:
                return CUT
            case dict():
                return {clean_text(str(k)): self.clean(v, depth - 1) for k, v in value.items() if self.has_room()}
            case list():
                return [self.clean(v, depth - 1) for v in value if self.has_room()]
        return value

    def has_room(self) -> bool:
        self.keys_left -= 1
        return self.keys_left >= 0
