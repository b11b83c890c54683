"""A usage object taken apart: every number in it by what it counts, and what of it was not understood. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from api.spending.usage_words import (
    Meaning,
    Path,
    concerns_money,
    find_meaning,
    find_unit,
    is_harmless,
    split_words,
    words_of,
)

TOKENS_MAX, NAME_MAX_CHARS, COST_MAX = 10**12, 200, 10**9
TOLD_MAX, TOLD_CHARS = 10, 100
DEPTH_MAX = 8
NOT_UNDERSTOOD = "not_understood: "
# What a list of parts calls its parts by, and where it has their number.
_PART_NAMES = ("modality", "ttl", "type", "token_type", "tokenType")
# How providers call the modes that they work calls off in, and those that are none.
_MODES = {
    "flex": "flex", "on_demand_flex": "flex", "priority": "priority", "on_demand_priority": "priority",
    "batch": "batch", "fast": "fast",
    "standard": "", "default": "", "auto": "", "on_demand": "", "standard_only": "", "traffic_type_unspecified": "",
    "unspecified": "", "service_tier_unspecified": "", "none": "",
}  # fmt: skip
# Texts that say what is counted, and that it is tokens.
_OF_TOKENS = frozenset({"token", "tokens", "total", "duration", "usage", "request"})
# What requests say, which the answer says again or which is no usage.
_ASKED = frozenset({"request"})
_TOOL_TEXTS = re.compile(r"^gen_ai\.(?:tool|output|request|prompt|completion|response|operation|agent|conversation)\.")


class UsageUnreadable(ValueError):
    """A usage object that gives no certain counts; the text says which key and why."""


@dataclass(slots=True)
class Leaves:
    """What a usage object holds. Of each meaning the paths and their numbers in the order in which they stand; amounts that
    are no tokens; how the call was worked off and where; what it cost by the provider's word; what was not understood."""

    counts: dict[Meaning, list[tuple[Path, int]]] = field(default_factory=dict)
    units: dict[str, Decimal] = field(default_factory=dict)
    modes: list[str] = field(default_factory=list)
    geo: str = ""
    costs: dict[Path, Decimal] = field(default_factory=dict)
    is_byok: bool = False
    iterations: list[Mapping[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    is_attributes: bool = False

    def tell(self, path: Path, value: object = None) -> None:
        """Note what was not understood; a text with what it says."""
        said = f"={value}" if isinstance(value, str) else ""
        self.told.append(NOT_UNDERSTOOD + to_plain(".".join(path) + said))


def to_plain(text: str) -> str:
    """A text of the sender as the answer and the log may show it."""
    return re.sub(r"[^\x21-\x7e]", "?", text)[:TOLD_CHARS]


def read_leaves(raw: Mapping[str, Any]) -> Leaves:
    """Raises UsageUnreadable for a number of tokens that is none, and for nesting beyond any usage object's."""
    leaves = Leaves(is_attributes=any(key.startswith(("gen_ai.", "llm.", "ai.usage")) for key in raw))
    for path, value in walk(raw, ()):
        take_leaf(leaves, path, value)
    return leaves


def walk(raw: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """Every value that is no object, with the keys that lead to it; `raw` of an SDK says all of it once more."""
    if len(path) > DEPTH_MAX:
        raise UsageUnreadable(f"{to_plain('.'.join(path))} is nested too deep")
    for key, value in raw.items():
        here = (*path, key)
        if isinstance(value, Mapping):
            yield from walk(value, here)
        elif isinstance(value, list) and key != "iterations" and any(isinstance(one, Mapping) for one in value):
            yield from walk_parts(value, here)
        else:
            yield here, value


def walk_parts(parts: list[Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """The parts of a list, each under its name: `[{"modality": "AUDIO", "tokenCount": 5}]`."""
    for part in parts:
        if not isinstance(part, Mapping):
            yield path, part
            continue
        named = next((key for key in _PART_NAMES if isinstance(part.get(key), str)), None)
        here = (*path, str(part[named])) if named else path
        yield from walk({key: value for key, value in part.items() if key != named}, here)


def take_leaf(leaves: Leaves, path: Path, value: Any) -> None:
    if value is None or value is False or value == "" or value == [] or is_asked(leaves, path):
        return
    if path[-1] == "iterations" and isinstance(value, list):
        leaves.iterations += [one for one in value if isinstance(one, Mapping)]
        if any(not isinstance(one, Mapping) for one in value):
            leaves.tell(path)
    elif (what := find_setting(path)) is not None:
        take_setting(leaves, what, path, value)
    elif words_of(path[-1:]) & {"cost", "spend", "price", "charge", "credit", "fee"}:
        take_cost(leaves, path, value)
    elif path[-1] == "is_byok":
        leaves.is_byok = value is True
    elif (unit := find_unit(path)) is not None:
        take_unit(leaves, unit, path, value)
    elif (meaning := find_meaning(path)) is not None:
        take_count(leaves, meaning, path, value)
    else:
        take_unknown(leaves, path, value)


def is_asked(leaves: Leaves, path: Path) -> bool:
    """Whether an attribute says what was asked for, or what else a span tells; the tier that it was given is none of it."""
    if not leaves.is_attributes or find_setting(path) is not None:
        return False
    key = path[0]
    return bool(_TOOL_TEXTS.match(key)) or (bool(words_of(path) & _ASKED) and not key.startswith("gen_ai.usage."))


def find_setting(path: Path) -> str | None:
    """Which of tier, speed and place a key tells, if any."""
    left = set(words_of(path[-2:])) - {"gen", "ai", "openai", "anthropic", "google", "request", "output", "usage",
                                       "metadata", "type", "azure", "aws", "bedrock", "groq"}  # fmt: skip
    if left in ({"service", "tier"}, {"tier"}, {"traffic"}):
        return "tier"
    if left == {"speed"}:
        return "speed"
    return "geo" if left == {"inference", "geo"} else None


def take_setting(leaves: Leaves, what: str, path: Path, value: Any) -> None:
    said = value.strip().lower() if isinstance(value, str) else None
    if what == "geo" and said is not None and len(said) <= NAME_MAX_CHARS:
        leaves.geo = to_plain(said)[:20]
        return
    mode = _MODES.get(said) if said is not None else None
    if mode is None:
        leaves.tell(path, value)
    elif mode:
        leaves.modes.append(mode)


def take_count(leaves: Leaves, meaning: Meaning, path: Path, value: Any) -> None:
    number = read_count(path, value)
    if meaning.mode and number:
        leaves.modes.append(meaning.mode)
    if meaning.kind != "inside":
        key = meaning._replace(mode="")
        known = leaves.counts.setdefault(key, [])
        if known and known[-1][0] == path:  # parts of a list that are called alike
            known[-1] = (path, known[-1][1] + number)
        else:
            known.append((path, number))


def read_count(path: Path, value: Any) -> int:
    """A whole number; OTLP writes it as text. Raises UsageUnreadable."""
    is_text = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 13
    is_whole = isinstance(value, float) and value.is_integer()
    number = int(value) if is_text or is_whole else value
    if isinstance(number, list):
        raise UsageUnreadable(f"{to_plain('.'.join(path))} must be an object")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= TOKENS_MAX:
        raise UsageUnreadable(f"{to_plain('.'.join(path))} must be a whole number from 0 to {TOKENS_MAX}")
    return number


def take_unit(leaves: Leaves, unit: str, path: Path, value: Any) -> None:
    number = read_amount(value)
    if number is None:
        take_unknown(leaves, path, value)
    elif unit and number:
        leaves.units[unit] = max(leaves.units.get(unit, Decimal(0)), number)


def take_cost(leaves: Leaves, path: Path, value: Any) -> None:
    number = read_amount(value)
    if number is None:
        leaves.tell(path, value)
    elif number:
        leaves.costs[path] = number


def read_amount(value: Any) -> Decimal | None:
    """An amount that is not negative and of this world; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value)[:40])
    except InvalidOperation:
        return None
    return round(number, 12) if number.is_finite() and 0 <= number <= COST_MAX else None


def take_unknown(leaves: Leaves, path: Path, value: Any) -> None:
    """Tell what may be money; a list where an object of parts should be is no usage object."""
    if isinstance(value, list) and "detail" in split_words(path[-1]) and not any(isinstance(one, str) for one in value):
        raise UsageUnreadable(f"{to_plain('.'.join(path))} must be an object")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and value == 0:
        return
    if isinstance(value, str) and (value.strip().lower() in _OF_TOKENS or not concerns_money(path)):
        return
    if is_harmless(path) or (not is_number and not concerns_money(path)):
        return
    if is_number and leaves.is_attributes and not concerns_money(path):
        return
    leaves.tell(path, value)
