"""Secrets in a JSON value: by key, by form, and where a name and its value stand side by side. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from api.ingest.sanitize.redaction.cards import redact_cards
from api.ingest.sanitize.redaction.expressions import automaton
from api.ingest.sanitize.redaction.names import NAME_CHARS, is_secret, vocabulary, words_of
from api.ingest.sanitize.redaction.nothing import is_nothing
from api.ingest.sanitize.redaction.prose import TOKEN
from api.ingest.sanitize.redaction.texts import has_hint, may_hold_secrets, redact_text
from common.fingerprint import REDACTED

LABELS = vocabulary("""
    name key id field header property param parameter label variable attribute option env k
""")
VALUES = vocabulary("""
    value val v content data default text current new old values string_value default_value new_value old_value
    input received rejected_value attempted_value invalid_value
""")
PATHS = vocabulary("loc path pointer instance_path data_path json_path")
WORTH_A_LOOK = 3  # members: of fewer the walk is no dearer
KEYS_ENTRIES, KEY_CHARS = 2_048, 64  # longer keys are judged each time
SOURCE, LOCALS = "source", "locals"  # of a frame: the text of the program around it, and what its variables were
FRAMES_ENTRIES, FRAME_CHARS, FRAME_KEYS = 2_048, 2_048, 16
FEW = 3  # objects, which are looked at one by one
KEYS_TOLD = 12  # keys of an object, of which one may say that a number beside it is a card's
HEADER = re.compile(r"(?ai)authorization|cookie|^x-|-(?:key|token)$")
NOT_ENCODED = (ValueError, OverflowError, RecursionError)
encode = msgspec.json.Encoder().encode  # a third of what others take
has_long_run = automaton("[0-9]{12}")  # as those of cards are, of which it depends on the names whether they stay
FLAG = re.compile(r"--?[A-Za-z]")
NO_SECRET = re.compile(r"[A-Za-z_][A-Za-z_ .-]*")


def redact_value(value: Any, names: str = "") -> tuple[Any, int]:
    """A copy of a JSON value without its secrets, and how many were taken out. `names`: those that it stands under."""
    match value:
        case str():
            return redact_string(value, names)
        case dict() | list() if is_worth_a_look(value) and not may_hold(value):
            return value, 0
        case dict():
            return redact_object(value, names)
        case list():
            return redact_some(value, names) if are_objects(value) else redact_list(value, names)
        case int() if not isinstance(value, bool):
            text, found = redact_cards(str(value), names)
            return (text, found) if found else (value, 0)
    return value, 0


def is_worth_a_look(value: Any) -> bool:
    """Whether it is cheaper to look at the JSON of a value than to walk over it: where it has some members, and no list of
    objects, of which each is looked at by itself, and one of which a whole so large nearly always has something."""
    if len(value) < WORTH_A_LOOK:
        return False
    if type(value) is list:
        return type(value[0]) is not dict
    for one in value.values():  # noqa: SIM110 - any() of a generator takes three times as long
        if type(one) is list and one and type(one[0]) is dict:
            return False
    return True


def are_objects(values: list[Any]) -> bool:
    """Whether this is a list of objects that differ from event to event, as breadcrumbs do: frames are remembered instead."""
    return len(values) > FEW and type(values[0]) is dict and SOURCE not in values[0] and "frames" not in values[0]


def redact_some(values: list[Any], names: str) -> tuple[list[Any], int]:
    """Of many objects those that may hold something are found by halves."""
    if not all(type(one) is dict for one in values):
        return redact_list(values, names)
    if not may_hold(values):
        return values, 0
    if len(values) <= FEW:
        return redact_list(values, names)
    half = len(values) // 2
    (first, in_first), (last, in_last) = redact_some(values[:half], names), redact_some(values[half:], names)
    return first + last, in_first + in_last


def may_hold(value: Any) -> bool:
    """Whether anything in a value could be a secret, told by its JSON: nearly every part of a large value is passed by, at a
    tenth of what the walk over it takes."""
    try:
        return has_hint(encode(value))
    except NOT_ENCODED:  # half a surrogate pair, a long number, what is nested very deep
        return True


def redact_string(value: str, names: str) -> tuple[str, int]:
    text, count = redact_text(value)
    if names and value[:1].isdigit():
        text, found = redact_cards(text, names)
        count += found
    return text, count


class JudgedKey(NamedTuple):
    """What follows from a key alone: itself without secrets, and how many it had; its words; whether what stands under it is a
    secret by its name, a list of tokens, or what a label beside it names; and whether it may itself be such a label."""

    text: str
    found: int
    words: str
    is_secret: bool
    holds_tokens: bool
    is_value: bool
    may_label: bool


def judge_key(key: str) -> JudgedKey:
    text, found = redact_text(key)
    words = words_of(key)
    return JudgedKey(
        text, found, words, is_secret(key[-NAME_CHARS:]), words.endswith("tokens"), words in VALUES,
        words in PATHS or words in LABELS or words == "type",
    )  # fmt: skip


remember_key = lru_cache(maxsize=KEYS_ENTRIES)(judge_key)  # programs name the same things again and again


def recall_key(key: str) -> JudgedKey:
    return remember_key(key) if len(key) <= KEY_CHARS else judge_key(key)


def redact_object(value: Mapping[str, Any], names: str) -> tuple[dict[str, Any], int]:
    if SOURCE in value and (remembered := redact_frame(value, names)) is not None:
        return remembered
    return redact_members(value, names)


def redact_frame(frame: Mapping[str, Any], names: str) -> tuple[dict[str, Any], int] | None:
    """The same of a frame with its source, which comes again with each error of its kind: what is of the program is judged once,
    and the locals each time. None where it is none that is remembered."""
    program = program_of(frame)
    if program is None:
        return None
    judged = remember_frame(names[-NAME_CHARS:], tuple(frame), *program)
    kept, count = dict(judged.kept), judged.found
    locals_ = frame.get(LOCALS)
    if type(locals_) is dict or type(locals_) is list:
        kept[LOCALS], found = redact_value(locals_, judged.names)
        count += found
    return kept, count


def program_of(frame: Mapping[str, Any]) -> list[Any] | None:
    """The values of a frame, with None for its locals; None where it is large, or holds more than texts and plain numbers."""
    program, chars = [*frame.values()], 0
    locals_ = frame.get(LOCALS)
    if type(locals_) is dict or type(locals_) is list:
        program[-1 if program[-1] is locals_ else list(frame).index(LOCALS)] = None
    for one in program:
        if type(one) is str:
            chars += len(one)
        elif not (one is None or type(one) is bool or (type(one) is int and one.bit_length() < 64)):
            return None
    return program if len(frame) <= FRAME_KEYS and chars + len("".join(frame)) <= FRAME_CHARS else None


class JudgedFrame(NamedTuple):
    """What is of the program in a frame, without secrets, how many it had, and the names that its locals stand under; and whether
    it is harmless under any names: nothing was found in it, and no number is long enough for a card's."""

    kept: dict[str, Any]
    found: int
    names: str
    is_harmless: bool


def judge_frame(names: str, keys: tuple[str, ...], *values: Any) -> JudgedFrame:
    program = dict(zip(keys, values, strict=True))
    kept, found = redact_members(program, names)
    told = " ".join([*keys[:KEYS_TOLD], names])
    return JudgedFrame(kept, found, f"{told} {LOCALS}", not (found or has_long_number(program)))


def has_long_number(program: dict[str, Any]) -> bool:
    try:
        return has_long_run(encode(program))
    except NOT_ENCODED:
        return True


# By type too: 1 is not true.
remember_frame = lru_cache(maxsize=FRAMES_ENTRIES, typed=True)(judge_frame)


def without_programs(context: Mapping[str, Any]) -> dict[str, Any] | None:
    """A context with nothing but the locals in place of the frames of its errors, where all else in these is of the program and
    known to hold no secret; None where that is not so. It is nearly all that differs from one error of a kind to the next."""
    errors = context.get("exception")
    if type(errors) is not list or not all(type(error) is dict for error in errors):
        return None
    bare = []
    for error in errors:
        frames = error.get("frames")
        left = [] if frames is None else left_of(frames)
        if left is None:
            return None
        bare.append({**error, "frames": left})
    return {**context, "exception": bare}


def left_of(frames: Any) -> list[Any] | None:
    """The locals of frames of which all else is harmless."""
    if type(frames) is not list or not all(type(frame) is dict for frame in frames):
        return None
    for frame in frames:
        program = program_of(frame)
        if program is None or not remember_frame("", tuple(frame), *program).is_harmless:
            return None
    return [frame.get(LOCALS) for frame in frames]


def redact_members(value: Mapping[str, Any], names: str) -> tuple[dict[str, Any], int]:
    kept: dict[str, Any] = {}
    count = 0
    told = " ".join([*list(value)[:KEYS_TOLD], names[-NAME_CHARS:]])
    judged = [recall_key(key) for key in value]
    is_labelled = any(
        key.may_label and is_label(key.words, item) for key, item in zip(judged, value.values(), strict=True)
    )
    are_calm = hold_nothing(value.values())
    for (name, item), key in zip(value.items(), judged, strict=True):
        if is_secret_under(key, name, item) or (is_labelled and key.is_value and holds_any(item, "")):
            kept[key.text], found = REDACTED, 1
        elif isinstance(item, str) and (are_calm or not may_hold_secrets(item)) and not item[:1].isdigit():
            kept[key.text], found = item, 0
        else:
            kept[key.text], found = redact_value(item, f"{told} {name}")
        count += key.found + found
    return kept, count


def hold_nothing(items: Iterable[Any]) -> bool:
    """Whether it is known of all texts among these that they hold nothing: several are looked at as one."""
    texts = [item for item in items if type(item) is str]
    return len(texts) >= WORTH_A_LOOK and not may_hold_secrets("\n".join(texts))


def is_label(words: str, item: Any) -> bool:
    """Whether this names the secret beside it: also the end of a path, as validators tell it (`["body", "password"]`).

    A type names none but a password: parsers have tokens as types.
    """
    if words in PATHS:
        item = item[-1] if isinstance(item, list) and item else item
        return isinstance(item, str) and is_secret(item.rpartition("/")[2])
    if not isinstance(item, str):
        return False
    return (words in LABELS or (words == "type" and "pass" in item.lower())) and is_secret(item)


def redact_list(value: Sequence[Any], names: str) -> tuple[list[Any], int]:
    """Also where a name stands before its value, as in lists of headers and of arguments."""
    kept: list[Any] = []
    count = 0
    before: Any = None
    for place, item in enumerate(value):
        if isinstance(item, str) and isinstance(before, str) and stands_before(before, item, place, len(value)):
            redacted, found = REDACTED, 1
        else:
            redacted, found = redact_value(item, names)
        kept.append(redacted)
        count += found
        before = item
    return kept, count


def stands_before(name: str, value: str, place: int, count: int) -> bool:
    """Whether a text of a list is the secret that the one before it names."""
    if not is_secret(name) or is_nothing(value, words_of(name)) or value.startswith("-"):
        return False
    if HEADER.search(name) or FLAG.match(name):
        return True
    return count == 2 and place == 1 and NO_SECRET.fullmatch(value) is None


def is_secret_under(key: JudgedKey, name: str, item: Any) -> bool:
    """Whether a value is a secret by the key that it stands under."""
    if not (key.is_secret or key.holds_tokens) or isinstance(item, bool) or not item:
        return False
    if isinstance(item, int | float):
        digits = len(str(abs(int(item)))) if item == item and abs(item) < 1e300 else 1
        return is_secret(name[-NAME_CHARS:], digits=digits)
    if key.holds_tokens:
        return holds_drawn(item)
    return holds_any(item, key.words)


def holds_drawn(item: Any) -> bool:
    """Whether a text in this reads as a drawn token: under `tokens` there are counts and words, too."""
    match item:
        case str():
            return TOKEN.fullmatch(item) is not None
        case dict():
            return any(map(holds_drawn, item.values()))
        case list():
            return any(map(holds_drawn, item))
    return False


def holds_any(item: Any, words: str) -> bool:
    """Whether anything in a value is more than a sign for none or a sentence."""
    match item:
        case str():
            return not is_nothing(item, words)
        case dict():
            return any(holds_any(one, words) for one in item.values())
        case list():
            return any(holds_any(one, words) for one in item)
        case bool() | None:
            return False
    return bool(item)
