"""What the keys of usage objects mean, by their words: `promptTokenCount`, `gen_ai.usage.prompt_tokens` and
`input_tokens_details.cached_tokens` differ in spelling, and each new SDK spells anew. Pure.

A key is understood only if all of its words are: one that is left over may change what the number counts.
"""

import re
from functools import lru_cache
from typing import NamedTuple

Path = tuple[str, ...]  # from the outermost key to the innermost

_SYNONYMS = {
    "prompt": "input", "in": "input", "completion": "output", "candidate": "output", "response": "output",
    "generated": "output", "out": "output", "evaluated": "input", "predicted": "output",
    "thinking": "reasoning", "thought": "reasoning", "speech": "audio",
    "voice": "audio", "creation": "write", "create": "write", "created": "write", "written": "write", "hit": "read",
    "searche": "search", "querie": "query", "toks": "token", "tok": "token", "char": "character", "sec": "second",
}  # fmt: skip
# Words that say whose number it is or that it is one, and nothing about what is counted.
_NEUTRAL = frozenset(
    [
        "token",
        "count",
        "detail",
        "usage",
        "gen",
        "ai",
        "llm",
        "num",
        "number",
        "native",
        "billed",
        "of",
        "metadata",
        "model",
        "provider",
        "anthropic",
        "openai",
        "google",
        "bedrock",
        "vertex",
        "content",
        "by",
        "modality",
        "object",
        "used",
        "use",
        "eval",
        "total_",
        "last",
        "raw_",
    ]
)
_CACHE_WORDS = frozenset({"cache", "cached", "caching", "ephemeral", "uncached"})
_MODALITIES = frozenset({"text", "audio", "image", "video", "document", "unspecified"})
_MODES = frozenset({"flex", "priority", "batch", "fast"})
_TTLS = frozenset({"1h", "5m"})
# A key with one of these and a value is about money; if it was not understood, that is told.
_MONEY = frozenset(
    [
        "token",
        "cache",
        "cached",
        "caching",
        "cachable",
        "uncached",
        "ephemeral",
        "tier",
        "tool",
        "audio",
        "image",
        "video",
        "search",
        "request",
        "call",
        "query",
        "second",
        "character",
        "page",
        "cost",
        "price",
        "credit",
        "fee",
        "billed",
        "billing",
        "billable",
        "charge",
        "usd",
        "unit",
        "speed",
        "geo",
        "region",
        "service",
        "traffic",
        "priority",
        "flex",
        "batch",
        "modality",
        "reasoning",
        "citation",
        "function",
        "plugin",
        "fetch",
        "execution",
        "grounding",
        "step",
        "turn",
    ]
)
_CONCERNS = (
    ("cache", frozenset({"cache", "cached", "caching", "ephemeral"})),
    ("tier", frozenset({"tier", "speed", "geo", "region", "traffic", "priority", "flex", "batch"})),
    ("tool", frozenset({"tool", "search", "query", "call", "function", "plugin", "fetch", "execution", "source"})),
    ("modality", frozenset({"audio", "image", "video", "modality", "second", "page", "character"})),
    ("tokens", frozenset({"token"})),
)
# Measures of time and names: no money in them, unless a word of money stands beside.
_HARMLESS = frozenset(
    [
        "duration",
        "time",
        "latency",
        "ms",
        "timestamp",
        "created",
        "id",
        "object",
        "fingerprint",
        "version",
        "index",
        "port",
        "temperature",
        "seed",
        "logprob",
    ]
)
# Amounts that are no tokens, by their words: the catalog's names of them. An empty one costs nothing.
_UNITS = {
    frozenset({"web", "search"}): "web_searches",
    frozenset({"search", "query"}): "web_searches",
    frozenset({"search", "web", "invocation"}): "web_searches",
    frozenset({"search", "unit"}): "rerank_searches",
    frozenset({"file", "search"}): "storage_searches",
    frozenset({"x", "search"}): "social_searches",
    frozenset({"code", "execution"}): "code_executions",
    frozenset({"web", "fetch"}): "",
    frozenset({"audio", "second"}): "audio_seconds",
    frozenset({"billable", "audio", "second"}): "audio_seconds",
    frozenset({"duration", "second"}): "audio_seconds",
    frozenset({"second"}): "audio_seconds",
    frozenset({"character"}): "input_characters",
    frozenset({"page"}): "input_document_pages",
    frozenset({"page", "processed"}): "input_document_pages",
    frozenset({"text", "message"}): "input_text_messages",
}
CALLS = frozenset(
    {"num_model_requests", "n_requests", "num_requests"}
)  # of exports: of how many calls a row is the sum
_OF_UNITS = frozenset({"request", "call", "count", "num", "number", "input", "usage", "info", "server", "tool", "use",
                       "side", "gen", "ai", "detail", "billed", "unit", "token", "metadata", "anthropic", "used"})  # fmt: skip


class Meaning(NamedTuple):
    """What a number counts. `kind`: input, output, total, cached, cache_write, reasoning, tool, citation, plain (input that
    is in no cache) or inside (a part of something else, which changes no price)."""

    kind: str
    modality: str = ""
    ttl: str = ""
    mode: str = ""


@lru_cache(maxsize=2048)
def split_words(key: str) -> tuple[str, ...]:
    """The words of a key in lower case and singular: `cacheReadInputTokens` is cache, read, input, token."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key[:200]).lower()
    return tuple(to_singular(word) for word in re.findall(r"\d+[a-z]?(?![a-z])|[a-z]+|\d+", apart))


def to_singular(word: str) -> str:
    plain = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return _SYNONYMS.get(plain, plain)


def words_of(path: Path) -> frozenset[str]:
    return frozenset(word for key in path for word in split_words(key))


def find_meaning(path: Path) -> Meaning | None:
    """What the number at a path counts in tokens; None where some word of it is not known, or none says so."""
    words = words_of(path)
    left = set(words - _NEUTRAL - ({"unit"} if "billed" in words else set()))
    side = "output" if "output" in left else "input" if "input" in left else ""
    mode = take_one(left, _MODES) if words & {"detail"} else ""
    modality, ttl = take_one(left, _MODALITIES), take_one(left, _TTLS)
    if words == {"eval", "count"}:
        return Meaning("output")
    kind = find_kind(left, side, is_told=bool(words & {"token", "input", "output"} or words == {"total"}))
    if kind == "cached" and ttl and not words & {"read", "cached"}:
        kind = "cache_write"
    if kind in ("input", "output") and mode and not modality:
        return Meaning("inside", mode=mode)
    if kind == "tool" and not words & {"use", "input"}:
        return None
    if not kind and modality and side and not left - {"input", "output", "total"}:
        return Meaning(side, modality, mode=mode)
    if not kind and mode and not left - {"input", "output"}:
        return Meaning("inside", mode=mode)
    if not kind and modality and words & {"token"} and not left:
        return Meaning("inside") if modality == "text" else None
    if not kind or (ttl and kind != "cache_write"):
        return None
    return Meaning(kind, modality, ttl, mode)


def find_kind(left: set[str], side: str, *, is_told: bool) -> str:
    """The kind of token that the words which say it all name together, else nothing; they are taken out."""
    left -= {"input", "output"} if left - {"total"} != {side} else set()
    if left <= {"input", "output", "total"}:
        return (side or "total") if is_told and left else ""
    left.discard("total")
    if (side == "output" and left & {"cache", "cached"}) or (side == "input" and "reasoning" in left):
        return ""
    if left & _CACHE_WORDS:
        return find_cache_kind(left, is_told=is_told)
    if left in ({"reasoning"}, {"citation"}):
        return next(iter(left))
    if left == {"tool"}:
        return "tool" if is_told and side != "output" else "inside" if is_told else ""
    if left in ({"accepted", "prediction"}, {"rejected", "prediction"}):
        return "inside"
    return ""


def find_cache_kind(left: set[str], *, is_told: bool) -> str:
    """What of a cache the words name: what was read, what was written, what is in none; else nothing."""
    if not left <= _CACHE_WORDS | {"read", "write", "miss", "no", "non"}:
        return ""
    if left & {"miss", "no", "non", "uncached"}:
        return "plain"
    if left & {"write", "ephemeral"}:
        return "cache_write"
    return "cached" if is_told or left & {"read", "cached"} else ""


def take_one(left: set[str], among: frozenset[str]) -> str:
    found = left & among
    left -= found
    return next(iter(found)) if len(found) == 1 else ""


def find_unit(path: Path) -> str | None:
    """The catalog's name of an amount that is no token, an empty one where it costs nothing; None where it is none."""
    words = words_of(path)
    for own in (words, words_of(path[-1:])):
        found = _UNITS.get(frozenset(own - _OF_UNITS)) if len(own - _OF_UNITS) else None
        if found is not None:
            return found
    if words_of(path) - _OF_UNITS <= {"search"} and {"tool", "search"} <= words_of(path[-1:]):
        return ""  # a search for tools, which is no search of the web
    return "rerank_searches" if words_of(path[-1:]) == {"search", "unit"} else None


def concerns_money(path: Path) -> bool:
    """Whether the words of a key may say that something was spent."""
    return bool(words_of(path) & _MONEY)


def is_harmless(path: Path) -> bool:
    """Whether a key is known to be about no money: how long it took, what it is called."""
    words = words_of(path)
    times = {"input", "output", "queue", "time", "duration", "eval", "total", "load"}
    if not words & _HARMLESS:
        return False
    return words <= times or (bool(words_of(path[-1:]) & _HARMLESS) and not words & _MONEY)


def name_concern(told: str) -> str:
    """What a word for something that was not understood is about, as the metric has it."""
    words = words_of((told,))
    return next((concern for concern, about in _CONCERNS if words & about), "other")
