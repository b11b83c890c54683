"""JSON as the text that was sent: taken apart into its members, and made readable where it is almost JSON. Pure.

What is right in a text stays as it was sent, digit for digit, so that whatever else is wrong with an item its other
fields mean what they mean alone. A text that is no JSON even so stays none: the readers say so.
"""

import codecs
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec import Raw
from pydantic_core import from_json

from api.ingest.receivers.json_bounds import RAW_END, RAW_PIECE, STRING, find_end
from api.ingest.sanitize.cleaning import CUT, MAX_NUMBER_DIGITS, REPLACEMENT
from api.ingest.sanitize.redaction import automaton

READABLE_DIGITS = 4_300  # a whole number of more is refused by the readers
BEYOND = "1e999"  # stands for a number that no reader takes
BROKEN = "mayday.broken"  # how text that is broken in its encoding is read: as a byte that is broken in UTF-8 too
codecs.register_error(BROKEN, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]  # only for decoding

MANY_MEMBERS = 100_000  # more are not made at once: 20 ms, in which nobody else runs
FIELDS_MAX = 1_000  # of such an object; no item and no batch has more than twenty

# All up to the next brackets, which come in runs; each match begins where the one before ended, so that no place is
# searched twice. None follows a string that does not end.
BRACKETS = re.compile(rf'(?:[^"\[\]{{}}]++|{STRING}")*+([\[{{]++|[\]}}]++)', re.DOTALL)
RAW_KEY = re.compile(rf'\s*({STRING}")\s*:'.encode(), re.DOTALL)
# What no reader could be trusted with: in strings, escaped or not, and numbers.
_LONE = r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
is_odd = automaton(rf"{_LONE}|[\x00-\x1f]|[0-9]{{{MAX_NUMBER_DIGITS + 1}}}")
TOKENS = re.compile(
    rf'{STRING}"|\s{{64,}}+|(?<![0-9.eE+-])(-?)([0-9]{{{MAX_NUMBER_DIGITS + 1},}})((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)',
    re.DOTALL,
)
# Of a string, what is right and then what is not; a few thousand of each, since nobody else runs while one is searched.
SPOILT = re.compile(
    rf"((?:[^\\\x00-\x1f]++|{_PAIR}|(?!{_LONE})\\.){{0,4000}}+)"
    rf"((?:(?!{_PAIR}){_LONE}|[\x00-\x1f]{{1,64}}+){{0,1000}}+)",
    re.DOTALL,
)
UNSTORABLE, CONTROL = re.compile(_LONE), re.compile(r"[\x01-\x1f]")
CONTROLS = {code: f"\\u{code:04x}" for code in range(1, 0x20)}

LINE = re.compile(rb"\s*+(?:([^\n]++)|\Z)")  # no place is searched twice

decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
decode_list = msgspec.json.Decoder(list[Raw]).decode
NOT_STRICT = (msgspec.DecodeError, ValueError, RecursionError)


class TooManyFields(ValueError):
    """An object has more fields than any that is known; the text says so."""


class Repaired(NamedTuple):
    """A text that readers can be trusted with; `is_cleaned` where it says something else than what was sent."""

    text: bytes
    is_cleaned: bool


def to_utf8(body: bytes) -> bytes:
    """The text in UTF-8, whichever Unicode encoding it has; what is broken in it stays broken."""
    encoding = json.detect_encoding(body)
    if encoding == "utf-8":
        return body
    return body.decode(encoding, BROKEN).encode(errors="surrogateescape")


def split_object(text: bytes) -> dict[str, bytes]:
    """The values of a JSON object as they stand there; of equal keys the last. Raises ValueError where it is none,
    TooManyFields."""
    try:
        if has_few_members(text):
            return {key: bytes(value) for key, value in decode_object(text).items()}
    except NOT_STRICT:
        pass
    members = list(islice(walk_members(text, b"{}"), FIELDS_MAX + 1))
    if len(members) > FIELDS_MAX:
        raise TooManyFields(f"over {FIELDS_MAX:,} fields in one object")
    return dict(map(split_pair, members))


def split_list(text: bytes, most: int) -> list[bytes]:
    """The items of a JSON list as they stand there; where they are more than `most`, one more at least. Raises
    ValueError where it is none."""
    try:
        if has_few_members(text):
            return [bytes(item) for item in decode_list(text)]
    except NOT_STRICT:
        pass
    return list(islice(walk_members(text, b"[]"), most + 1))


def split_lines(text: bytes, most: int) -> list[bytes]:
    """The lines that are not blank; where they are more than `most`, one more."""
    return [line[1] for line in islice(LINE.finditer(text), most + 1) if line[1]]


def split_only_list(text: bytes, name: str, most: int) -> list[bytes] | None:
    """As `split_list`, of an object that holds this list and nothing else; None for any other. The whole is not looked at
    for that: where there is more, what stands between the first and the last bracket is no list."""
    begin, text = re.match(rb'\s*\{\s*"%s"\s*:\s*(?=\[)' % name.encode(), text), text.rstrip()
    if begin is None or text[-1:] != b"}":
        return None
    try:
        return split_list(text[begin.end() : -1], most)
    except ValueError:
        return None


def has_few_members(text: bytes) -> bool:
    """Whether what is in an object or a list is few enough to be held, whatever it is."""
    return text.count(b",") < MANY_MEMBERS


def split_pair(member: bytes) -> tuple[str, bytes]:
    """Key and value. Raises ValueError."""
    key = RAW_KEY.match(member)
    if key is None:
        raise ValueError("a key in double quotes and a colon are missing in an object")
    return read_key(key[1]), member[key.end() :].strip()


def read_key(raw: bytes) -> str:
    """The text of a JSON string, repaired where it must be. Raises ValueError."""
    try:
        return str(from_json(raw))
    except ValueError:
        return str(from_json(repair_text(raw, 0).text))


def walk_members(text: bytes, brackets: bytes) -> Iterator[bytes]:
    """What stands between the commas of an object or a list, which may be almost JSON. Raises ValueError where brackets
    do not match, and for a comma too many."""
    text = text.strip()
    if not (text[:1] == brackets[:1] and text[-1:] == brackets[1:] and len(text) > 1):
        raise ValueError(f"it does not begin with {brackets[:1].decode()} and end with {brackets[1:].decode()}")
    inner = text[1:-1]
    if not inner.strip():
        return
    start = place = 0
    while piece := RAW_PIECE.match(inner, place):
        place = piece.end()
        if piece[1] == b",":
            yield refuse_blank(inner[start : place - 1])
            start = place
        elif piece[1] in b"[{":
            place = find_end(inner, place - 1)
        else:
            raise ValueError("a bracket is closed that was not opened")
    if not RAW_END.match(inner, place):
        raise ValueError("a string does not end, or a comma is missing")
    yield refuse_blank(inner[start:])


def refuse_blank(member: bytes) -> bytes:
    member = member.strip()
    if not member:
        raise ValueError("there is a comma too many")
    return member


def repair_text(raw: bytes, max_depth: int) -> Repaired:
    """The same JSON text without what cannot be read or kept: broken UTF-8, NUL and lone surrogates are replaced, bare
    control characters escaped, numbers of over 300 digits are texts within objects and lists.

    What is nested deeper than `max_depth` is cut, and this is not told: who sets that limit sees what is left.
    """
    text = raw.decode(errors="replace")
    repair = Repair(is_nested=text[:1] in "[{", is_cleaned=REPLACEMENT in text and not is_utf8(raw))
    if is_odd(text):
        text = TOKENS.sub(repair.replace_token, text)
    return Repaired(cut_depth(text, max_depth).encode(), repair.is_cleaned)


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class Repair:
    """Puts in place what a text is repaired with, and notes whether it says something else then."""

    def __init__(self, *, is_nested: bool, is_cleaned: bool) -> None:
        self.is_nested = is_nested
        self.is_cleaned = is_cleaned

    def replace_token(self, token: re.Match[str]) -> str:
        sign, digits, rest = token.groups()
        if digits is None:
            return SPOILT.sub(self.replace_spoilt, token[0]) if token[0][0] == '"' else token[0]
        if rest:
            return token[0] if len(digits) <= READABLE_DIGITS else sign + BEYOND
        if not self.is_nested:
            return str(sign + digits[: MAX_NUMBER_DIGITS + 1])  # a field of an item: too much for any
        self.is_cleaned = True
        return f'"{token[0]}"'

    def replace_spoilt(self, found: re.Match[str]) -> str:
        right, spoilt = found.groups()
        if not spoilt:
            return str(right)
        kept = UNSTORABLE.sub(REPLACEMENT, spoilt).replace("\x00", REPLACEMENT)
        self.is_cleaned = self.is_cleaned or REPLACEMENT in kept
        return f"{right}{kept.translate(CONTROLS) if CONTROL.search(kept) else kept}"


def cut_depth(text: str, max_depth: int) -> str:
    """The JSON text with everything nested deeper than `max_depth` replaced by "[cut]", in one pass."""
    if text.count("[") + text.count("{") <= max_depth:
        return text
    kept, depth, start, place = [], 0, 0, 0
    while piece := BRACKETS.match(text, place):
        run, place = len(piece[1]), piece.end()
        if piece[1][0] in "[{":
            if depth <= max_depth < depth + run:
                kept.append(text[start : place - run + max_depth - depth])
            depth += run
        else:
            if depth > max_depth >= depth - run:
                kept.append(f'"{CUT}"')
                start = place - run + depth - max_depth
            depth -= run
    if depth <= max_depth:
        kept.append(text[start:])
    return "".join(kept)
