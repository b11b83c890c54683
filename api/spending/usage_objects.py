"""Token counts out of the usage objects that providers, SDKs and instrumentation send. Pure: a mapping in, a reading out.

One meaning comes out: input holds the cached and the written tokens, output holds the reasoning. What the keys mean is in
`usage_words`; here stands which numbers are parts of which: providers differ in whether the cache is in the input, and
thoughts in the output. A total decides where there is one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from typing import Any

from api.ingest.sanitize.cleaning import REPLACEMENT
from api.spending.usage_leaves import (
    NAME_MAX_CHARS,
    NOT_UNDERSTOOD,
    TOKENS_MAX,
    TOLD_MAX,
    Leaves,
    UsageUnreadable,
    find,
    list_differing,
    read_leaves,
    to_plain,
)
from api.spending.usage_words import Meaning, Path, split_words
from common.pricing import Extras, Pass, Processing, TokenCounts

__all__ = ["NAME_MAX_CHARS", "TOKENS_MAX", "UsageReading", "UsageUnreadable", "read_usage", "read_usage_names"]

PROVIDER_NAMES = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "ai.model.provider", "ls_provider")
MODEL_NAMES = (
    "gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "ai.response.model", "ai.model.id", "modelVersion",
    "model_name", "model", "modelId",
)  # fmt: skip
# What holds the usage object where all of an answer was sent.
_WRAPPERS = ("usage", "usageMetadata", "usage_metadata", "usageDetails", "usage_details", "token_usage", "tokenUsage",
             "usage_object", "last_token_usage", "response_metadata", "total_token_usage")  # fmt: skip
# Keys beside the usage object of an answer that change its price.
_BESIDE = (
    "service_tier",
    "serviceTier",
    "speed",
    "inference_geo",
    "trafficType",
    "providerMetadata",
    "provider_metadata",
)
_SAME = frozenset({"input", "output"})
INPUT, OUTPUT, TOTAL, PLAIN = Meaning("input"), Meaning("output"), Meaning("total"), Meaning("plain")
CACHED, WRITTEN, REASONING, TOOL = Meaning("cached"), Meaning("cache_write"), Meaning("reasoning"), Meaning("tool")
WRITTEN_1H, WRITTEN_5M, CITATION = (
    Meaning("cache_write", ttl="1h"),
    Meaning("cache_write", ttl="5m"),
    Meaning("citation"),
)


@dataclass(frozen=True, slots=True)
class UsageReading:
    """What a usage object says. `is_estimated`: the split of a total was assumed. `processing` None: it does not say.

    `told`: what the sender should hear: what was not understood, and what was read otherwise than it stands there.
    """

    counts: TokenCounts
    extras: Extras | None = None
    processing: Processing | None = None
    reported_usd: Decimal | None = None
    is_estimated: bool = False
    told: tuple[str, ...] = ()


@dataclass(slots=True)
class Parts:
    """The numbers of a usage object before it is settled what is a part of what. `is_*_beside`: not in the whole."""

    input: int
    output: int | None
    cached: int
    cache_write: int
    cache_write_1h: int
    reasoning: int
    tool: int
    citation: int
    total: int | None
    is_cache_beside: bool = False
    is_cache_sure: bool = False
    is_reasoning_beside: bool = False
    is_reasoning_sure: bool = False
    told: list[str] = field(default_factory=list)

    @property
    def cache(self) -> int:
        return self.cached + self.cache_write


def read_usage(raw: Mapping[str, Any], *, provider: str = "", model: str = "") -> UsageReading:
    """The reading of a usage object of any provider. Raises UsageUnreadable where no counts are certain."""
    usage = unwrap(raw)
    leaves = read_leaves(usage)
    parts = collect_parts(usage, leaves, model)
    settle(parts)
    counts = to_counts(parts)
    told = [*leaves.told, *parts.told]
    units = read_units(leaves, counts, told)
    passes = read_passes(leaves, counts, told)
    is_split_assumed = parts.output is None and parts.total is not None
    cost = read_cost(usage, leaves, provider, told) if leaves.costs else None
    for one in passes:
        counts = add_counts(counts, one.counts)
    extras = None
    if units or leaves.geo or passes or leaves.calls > 1:
        extras = Extras(units, leaves.geo, passes, leaves.calls)
    return UsageReading(
        counts, extras, choose_mode(leaves, told), cost, is_split_assumed, tuple(shorten(told)) if told else ()
    )


def unwrap(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The usage object where it is inside of an answer or a log, with what beside it changes the price. What an SDK repeats
    as `raw`, and Cohere's own counting beside what it bills, are left out but for what only they have."""
    if not any(isinstance(value, dict) for value in raw.values()):
        return raw
    for name in _WRAPPERS:
        inner = raw.get(name)
        if isinstance(inner, dict) and inner and not any(is_total_of_side(key, value) for key, value in raw.items()):
            return unwrap({**inner, **{key: raw[key] for key in _BESIDE if raw.get(key) and key not in inner}})
    left = dict(raw)
    if isinstance(left.get("billed_units"), dict) and left["billed_units"]:
        left.pop("tokens", None)
    for name in ("raw", "rawUsage"):
        if isinstance(inner := left.get(name), dict) and len(left) > 1:
            left[name] = {key: value for key, value in inner.items() if split_words(key)[:1] in (("server",), ("service",),
                          ("speed",), ("inference",), ("iteration",))}  # fmt: skip
            left |= {"iterations": left[name].pop("iterations")} if "iterations" in left[name] else {}
    return left


def is_total_of_side(key: str, value: Any) -> bool:
    """Whether a key counts a side itself: then there is nothing to unwrap."""
    words = split_words(key)
    return not isinstance(value, dict | str) and value is not None and bool(_SAME.intersection(words)) and (
        "token" in words or key in _SAME
    )  # fmt: skip


def collect_parts(usage: Mapping[str, Any], leaves: Leaves, model: str) -> Parts:
    """What was counted, and how this form usually has its parts. Raises UsageUnreadable where nothing was."""
    said = {meaning: find(leaves, meaning) or 0 for meaning in leaves.counts}
    get = said.get
    given, output, total, plain = get(INPUT), get(OUTPUT), get(TOTAL), get(PLAIN)
    if given is None and output is None and total is None and not leaves.units and plain is None:
        raise UsageUnreadable(
            "usage has no token counts: it needs input_tokens, prompt_tokens, gen_ai.usage.* or the like"
        )
    kept = get(WRITTEN_1H, 0)
    parts = Parts(
        given or 0, output, get(CACHED, 0), max(get(WRITTEN, 0), kept + get(WRITTEN_5M, 0)), kept, get(REASONING, 0),
        get(TOOL, 0), get(CITATION, 0), total,
    )  # fmt: skip
    if any(len(known) > 1 for known in leaves.counts.values()):
        parts.told += [f"differs: {to_plain(path)}" for path in list_differing(leaves)]
    if given is None and plain is not None:
        parts.input, parts.is_cache_beside, parts.is_cache_sure = plain, True, True
    elif parts.cached or parts.cache_write:
        judge_cache(parts, usage, leaves, model)
    if parts.reasoning:
        parts.is_reasoning_sure = bool(parts.citation)
        parts.is_reasoning_beside = parts.is_reasoning_sure or any(
            key.endswith(("thoughtsTokenCount", "thoughts_token_count", "total_thought_tokens")) for key in usage
        )
    return parts


def judge_cache(parts: Parts, usage: Mapping[str, Any], leaves: Leaves, model: str) -> None:
    """How this form has its cache: beside the input as Anthropic, Bedrock and buckets (Langfuse, OpenCode) do, else in it.

    Raises UsageUnreadable where an object has the cache keys of both and no total.
    """
    paths = [path for meaning in leaves.counts for path, number in leaves.counts[meaning]
             if meaning.kind in ("cached", "cache_write") and number]  # fmt: skip
    beside = [path for path in paths if is_beside(path, usage, leaves)]
    within = [path for path in paths if len(path) > 1 and path[0] in (
        "input_tokens_details", "input_token_details", "inputTokenDetails", "inputTokensDetails")]  # fmt: skip
    if beside and within and parts.total is None:
        raise UsageUnreadable("usage has the cache keys of two forms: send one of them, or the counts themselves")
    is_old_sdk = not within and "cachedInputTokens" in usage and "claude" in model.lower()
    parts.is_cache_beside = (bool(beside) and not within) or is_old_sdk
    parts.is_cache_sure = (bool(beside) and not within and "input" not in usage) or is_old_sdk
    if is_old_sdk:
        parts.told.append("cache_added_to_input")


def is_beside(path: Path, usage: Mapping[str, Any], leaves: Leaves) -> bool:
    """Whether a key of the cache is one that stands beside the input, and does not count what is in it."""
    if leaves.is_attributes:
        return False
    if "input" in usage:
        return True
    words, key = split_words(path[0]), path[0]
    if words[:1] not in (("cache",), ("cached",)) or key.startswith("cached"):
        return False
    has_input = "inputTokens" in usage or "tokensIn" in usage or "input_tokens" in usage or "inputTokenCount" in usage
    return has_input and ("_" not in key or "input" in words or key == "cache_creation")


def settle(parts: Parts) -> None:
    """Make input and output whole: with all of their parts in them. A total says what is beside and what within; without
    one, or where none of the ways to read it fits, the usual way of the form counts."""
    if not parts.input and parts.total and parts.output is not None:
        beside = parts.output + parts.reasoning * parts.is_reasoning_beside + parts.tool
        parts.input = max(0, parts.total - beside - parts.cache * parts.is_cache_beside)
    cache, reasoning, tool = choose_way(parts)
    if cache and not parts.is_cache_beside and add_up(parts, (cache, reasoning, tool)) != parts.total:
        parts.told.append("cache_added_to_input")
    parts.input += parts.cache * cache + parts.tool * tool
    if parts.output is not None or parts.reasoning or parts.citation:
        parts.output = (parts.output or 0) + parts.reasoning * reasoning + parts.citation
    elif parts.total is not None and parts.input:
        parts.output = max(0, parts.total - parts.input)
    if parts.output is not None and parts.reasoning > parts.output:
        parts.told.append(f"reasoning_over_output: {parts.reasoning}")
        parts.reasoning = parts.output


def choose_way(parts: Parts) -> tuple[bool, bool, bool]:
    """The way to read an object by which its total is right, else the usual one of its form."""
    usual = (parts.is_cache_beside, parts.is_reasoning_beside, True)
    if not (parts.cache or parts.reasoning or parts.tool) and parts.total is None:
        return usual
    is_possible = usual[0] or parts.cache <= parts.input
    if is_possible and (parts.total in (None, add_up(parts, usual)) or parts.output is None):
        return usual
    ways = list_ways(parts)
    if parts.total is None or parts.output is None:
        return ways[0]
    fitting = next((way for way in ways if add_up(parts, way) == parts.total), None)
    if fitting is None and parts.total not in (parts.input + parts.output, 0):
        parts.told.append(f"{NOT_UNDERSTOOD}total_tokens={parts.total},not={add_up(parts, ways[0])}")
    return fitting or ways[0]


def list_ways(parts: Parts) -> list[tuple[bool, bool, bool]]:
    """The ways to read an object, the usual one of its form first: is cache beside input, reasoning beside output, the
    input of tools beside input."""
    usual = (parts.is_cache_beside, parts.is_reasoning_beside, True)
    possible = [
        way
        for way in product((False, True), (False, True), (False, True))
        if not (parts.is_cache_sure and way[0] != usual[0])
        and not (parts.is_reasoning_sure and way[1] != usual[1])
        and (way[0] or parts.cache <= parts.input)
    ]
    return sorted(possible or [usual], key=lambda way: sum(one != other for one, other in zip(way, usual, strict=True)))


def add_up(parts: Parts, way: tuple[bool, bool, bool]) -> int:
    cache, reasoning, tool = way
    whole = parts.input + parts.cache * cache + parts.tool * tool
    return whole + (parts.output or 0) + parts.reasoning * reasoning


def to_counts(parts: Parts) -> TokenCounts:
    """Raises UsageUnreadable where parts do not fit in their whole."""
    if parts.output is None and parts.total is not None:
        return TokenCounts(input=parts.total, output=0)
    try:
        return TokenCounts(
            input=parts.input,
            output=parts.output or 0,
            cached=parts.cached,
            cache_write=parts.cache_write,
            cache_write_1h=parts.cache_write_1h,
            reasoning=parts.reasoning,
        )
    except ValueError as error:
        raise UsageUnreadable(str(error)) from error


def read_units(leaves: Leaves, counts: TokenCounts, told: list[str]) -> dict[str, int | Decimal]:
    """Amounts by the catalog's names: those of a modality that is no text, within what was counted, and what is no token."""
    units: dict[str, int | Decimal] = {}
    for meaning in leaves.counts:
        if not meaning.modality:
            continue
        name = name_unit(meaning)
        number = find(leaves, meaning) or 0 if name else 0
        whole = (
            counts.output if meaning.kind == "output" else counts.cached if meaning.kind == "cached" else counts.input
        )
        if number > whole:
            told.append(f"{name}_over_{meaning.kind}: {number}")
        if number and whole:
            units[name] = min(number, whole)
    if leaves.units:
        units |= {name: int(n) if n == n.to_integral_value() else n for name, n in leaves.units.items()}
    if CITATION in leaves.counts and (citation := find(leaves, CITATION)):
        units["output_citation_tokens"] = citation
    return units


def name_unit(meaning: Meaning) -> str:
    """The catalog's name of the tokens of a modality; nothing for text, and what has no price of its own anywhere."""
    if meaning.modality not in ("audio", "image", "video"):
        return ""
    names = {"input": "input_{}_tokens", "output": "output_{}_tokens", "cached": "cache_{}_read_tokens"}
    return names.get(meaning.kind, "").format(meaning.modality)


def read_passes(leaves: Leaves, counts: TokenCounts, told: list[str]) -> tuple[Pass, ...]:
    """The passes that the call's own counts leave out: Anthropic counts compactions and advisors in `iterations` alone."""
    if not leaves.iterations:
        return ()
    each = [
        (str(one.get("type") or ""), one, read_usage({**one, "type": None, "model": None})) for one in leaves.iterations
    ]
    if sum(reading.counts.total for _, _, reading in each) == counts.total:
        return ()
    passes = []
    for kind, one, reading in each:
        if kind in ("message", ""):
            continue
        if kind not in ("compaction", "advisor_message"):
            told.append(f"{NOT_UNDERSTOOD}{to_plain('iterations.type=' + kind)}")
        told.extend(reading.told)
        passes.append(Pass(reading.counts, find_name(one, ("model",))))
    return tuple(passes)


def add_counts(one: TokenCounts, other: TokenCounts) -> TokenCounts:
    return TokenCounts(**{name: getattr(one, name) + getattr(other, name) for name in TokenCounts.__dataclass_fields__})


def choose_mode(leaves: Leaves, told: list[str]) -> Processing | None:
    """How the call was worked off; of two words for it the one that costs more, and that is told."""
    if not leaves.modes:
        return None
    modes = [mode for mode in ("fast", "priority", "flex", "batch") if mode in leaves.modes]
    if len(modes) > 1:
        told.append(f"differs: {'/'.join(modes)}")
    return Processing(modes[0]) if modes else None


def read_cost(usage: Mapping[str, Any], leaves: Leaves, provider: str, told: list[str]) -> Decimal | None:
    """What the provider itself says that it charges: OpenRouter, xAI, Perplexity. What others reckon is not taken, and
    told where nothing else is."""
    if ticks := leaves.costs.get(("cost_in_usd_ticks",)):
        return round(ticks / 10**10, 12)
    if total := leaves.costs.get(("cost", "total_cost")):
        return total
    is_openrouter = "openrouter" in provider.lower() or "is_byok" in usage or "cost_details" in usage
    if (cost := leaves.costs.get(("cost",))) and is_openrouter:
        upstream = leaves.costs.get(("cost_details", "upstream_inference_cost"), Decimal(0))
        return cost + upstream if leaves.is_byok else cost
    if is_openrouter and leaves.is_byok:
        return leaves.costs.get(("cost_details", "upstream_inference_cost"))
    told.extend(f"cost_not_taken: {to_plain('.'.join(path))}" for path in list(leaves.costs)[:1])
    return None


def read_usage_names(raw: Mapping[str, Any]) -> tuple[str, str]:
    """Provider and model that a usage object names, empty where it does not. Raises UsageUnreadable for one that would have
    to be cut or cleaned: it would be another name then."""
    return find_name(raw, PROVIDER_NAMES), find_name(raw, MODEL_NAMES)


def find_name(raw: Mapping[str, Any], names: Iterable[str]) -> str:
    key, name = next(((key, raw[key]) for key in names if isinstance(raw.get(key), str)), ("", ""))
    if len(name) > NAME_MAX_CHARS or REPLACEMENT in name:
        raise UsageUnreadable(f"{key} must be of {NAME_MAX_CHARS} characters at most, all of which can be kept")
    return name


def shorten(told: list[str]) -> list[str]:
    told = list(dict.fromkeys(told))
    return told if len(told) <= TOLD_MAX else [*told[:TOLD_MAX], f"{NOT_UNDERSTOOD}{len(told) - TOLD_MAX} more"]
