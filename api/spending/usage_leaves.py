"""A usage object taken apart: every number in it by what it counts, and what of it was not understood. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from api.spending.usage_words import (
    CALLS,
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
REMEMBERED_CHARS = 100  # of each of three keys
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
# Of keys with one meaning those that count: what is billed before what the model's own counting says.
_RANKS = ("native", "billed")
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
    calls: int = 1
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


class Kind(NamedTuple):
    """What a key is, by its words alone. `what`: tier, speed, geo, cost, byok, calls, unit, count or unknown; the unit's
    name, or what is counted; whether it may be about money, and whether it is known to be about none."""

    what: str
    unit: str = ""
    meaning: Meaning | None = None
    may_cost: bool = False
    is_harmless: bool = False


def read_leaves(raw: Mapping[str, Any]) -> Leaves:
    """Raises UsageUnreadable for a number of tokens that is none, and for nesting beyond any usage object's."""
    leaves = Leaves(is_attributes=any(key.startswith(("gen_ai.", "llm.", "ai.usage")) for key in raw))
    take_all(leaves, raw, ())
    return leaves


def take_all(leaves: Leaves, raw: Mapping[str, Any], path: Path) -> None:
    """Every value that is no object, with the keys that lead to it."""
    if len(path) > DEPTH_MAX:
        raise UsageUnreadable(f"{to_plain('.'.join(path))} is nested too deep")
    for key, value in raw.items():
        here = (*path, key)
        if type(value) is int:  # nearly all
            kind = classify(here)
            if kind.meaning is not None and not leaves.is_attributes:
                take_count(leaves, kind.meaning, here, value)
            else:
                take_leaf(leaves, here, value)
        elif value is None or value is False or value == "" or value == []:
            continue
        elif isinstance(value, dict):
            take_all(leaves, value, here)
        elif isinstance(value, list) and key != "iterations" and any(isinstance(one, dict) for one in value):
            take_parts(leaves, value, here)
        else:
            take_leaf(leaves, here, value)


def take_parts(leaves: Leaves, parts: list[Any], path: Path) -> None:
    """The parts of a list, each under its name: `[{"modality": "AUDIO", "tokenCount": 5}]`."""
    for part in parts:
        if not isinstance(part, dict):
            take_leaf(leaves, path, part)
            continue
        named = next((key for key in _PART_NAMES if isinstance(part.get(key), str)), None)
        here = (*path, part[named]) if named else path
        take_all(leaves, {key: value for key, value in part.items() if key != named}, here)


def classify(path: Path) -> Kind:
    """What the key at the end of a path is; remembered, since calls of one sender have the same keys."""
    return recall_kind(path) if len(path[-1]) <= REMEMBERED_CHARS and len(path) <= 3 else find_kind_of(path)


@lru_cache(maxsize=2048)
def recall_kind(path: Path) -> Kind:
    return find_kind_of(path)


def find_kind_of(path: Path) -> Kind:
    if (setting := find_setting(path)) is not None:
        return Kind(setting)
    if words_of(path[-1:]) & {"cost", "spend", "price", "charge", "credit", "fee"}:
        return Kind("cost")
    if path[-1] == "is_byok":
        return Kind("byok")
    if path[-1] in CALLS:
        return Kind("calls")
    may_cost, harmless = concerns_money(path), is_harmless(path)
    if (unit := find_unit(path)) is not None:
        return Kind("unit", unit, None, may_cost, harmless)
    meaning = find_meaning(path)
    return Kind("count" if meaning else "unknown", "", meaning, may_cost, harmless)


def take_leaf(leaves: Leaves, path: Path, value: Any) -> None:
    kind = classify(path)
    if leaves.is_attributes and is_asked(kind, path[0]):
        return
    if path[-1] == "iterations" and isinstance(value, list):
        take_iterations(leaves, path, value)
        return
    match kind.what:
        case "count" if value is not True or "token" in words_of(path):
            take_count(leaves, kind.meaning or Meaning("inside"), path, value)
        case "tier" | "speed" | "geo":
            take_setting(leaves, kind.what, path, value)
        case "unit":
            take_unit(leaves, kind, path, value)
        case "cost":
            take_cost(leaves, path, value)
        case "byok":
            leaves.is_byok = value is True
        case "calls":
            leaves.calls = max(1, read_count(path, value))
        case _:
            take_unknown(leaves, kind, path, value)


def take_iterations(leaves: Leaves, path: Path, value: list[Any]) -> None:
    """The passes of a call; what is none of them is told."""
    leaves.iterations += [one for one in value if isinstance(one, dict)]
    if len(leaves.iterations) < len(value):
        leaves.tell(path)


def is_asked(kind: Kind, key: str) -> bool:
    """Whether an attribute says what was asked for, or what else a span tells; the tier that it was given is none of it."""
    if kind.what in ("tier", "speed", "geo") or key.startswith("gen_ai.usage."):
        return False
    return bool(_TOOL_TEXTS.match(key)) or bool(words_of((key,)) & _ASKED)


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
    number = value if type(value) is int and 0 <= value <= TOKENS_MAX else read_count(path, value)
    if meaning.mode:
        if number:
            leaves.modes.append(meaning.mode)
        meaning = meaning._replace(mode="")
    if meaning.kind != "inside":
        known = leaves.counts.get(meaning)
        if known is None:
            leaves.counts[meaning] = [(path, number)]
        elif known[-1][0] == path:  # parts of a list that are called alike
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


def take_unit(leaves: Leaves, kind: Kind, path: Path, value: Any) -> None:
    number = read_amount(value)
    if number is None:
        take_unknown(leaves, kind, path, value)
    elif kind.unit and number:
        leaves.units[kind.unit] = max(leaves.units.get(kind.unit, Decimal(0)), number)


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


def take_unknown(leaves: Leaves, kind: Kind, path: Path, value: Any) -> None:
    """Tell what may be money; a list where an object of parts should be is no usage object."""
    if isinstance(value, list) and "detail" in split_words(path[-1]) and not any(isinstance(one, str) for one in value):
        raise UsageUnreadable(f"{to_plain('.'.join(path))} must be an object")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if (is_number and value == 0) or kind.is_harmless:
        return
    if isinstance(value, str) and value.strip().lower() in _OF_TOKENS:
        return
    if kind.may_cost or (is_number and not leaves.is_attributes):
        leaves.tell(path, value)


def find(leaves: Leaves, meaning: Meaning) -> int | None:
    """The number of a meaning: of several keys the newest name's, unless it is 0; None where there is none."""
    known = leaves.counts.get(meaning)
    if known is None:
        return None
    if len(known) == 1:
        return known[0][1]
    told = [(path, number) for path, number in known if number] or known
    return min(told, key=lambda one: (rank(one[0]), -one[1]))[1]


def rank(path: Path) -> int:
    """Which of two keys of one meaning counts: what is billed, then the newer names of OpenTelemetry."""
    text = ".".join(path)
    if any(word in text for word in _RANKS):
        return 0
    return 2 if "prompt" in text or "completion" in text else 1


def list_differing(leaves: Leaves) -> list[str]:
    """Keys of one meaning that say different numbers, neither of them 0."""
    return [
        "/".join(dict.fromkeys(".".join(path) for path, _ in known))
        for known in leaves.counts.values()
        if len(known) > 1 and len({number for _, number in known if number}) > 1
    ]
