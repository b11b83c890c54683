"""Token counts out of the usage objects that providers and instrumentation send. Pure: a mapping in, counts out.

One meaning comes out: input holds the cached and the written tokens, output holds the reasoning.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from api.ingest.sanitize.cleaning import REPLACEMENT
from common.pricing import Processing, TokenCounts

TOKENS_MAX, NAME_MAX_CHARS = 10**12, 200

# the current name first, then those it replaced or that instrumentations still write
# (OpenTelemetry semantic conventions for generative AI; input and output include their parts)
OTEL_NAMES = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cached": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.cached_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
    ),
}
OTEL_PROVIDER_NAMES = ("gen_ai.provider.name", "gen_ai.system")
OTEL_MODEL_NAMES = ("gen_ai.response.model", "gen_ai.request.model")


class UsageForm(StrEnum):
    """Whose usage object it is."""

    anthropic = "anthropic"
    openai_chat = "openai_chat"
    openai_responses = "openai_responses"
    otel = "otel"


class UsageUnreadable(ValueError):
    """A usage object that gives no certain counts; the text says which key and why."""


def read_usage(raw: Mapping[str, Any]) -> TokenCounts:
    """Counts of a usage object of any known form. Raises UsageUnreadable."""
    counts = _READERS[name_form(raw)](raw)
    try:
        return TokenCounts(**counts)
    except ValueError as error:
        raise UsageUnreadable(str(error)) from error


def name_form(raw: Mapping[str, Any]) -> UsageForm:
    """The form of a usage object, by the keys that only it has. Raises UsageUnreadable where none or two fit.

    `input_tokens` and `output_tokens` alone are read the same in both forms that have them.
    """
    if any(key.startswith("gen_ai.") for key in raw):
        return UsageForm.otel
    if _has_any(raw, "prompt_tokens", "completion_tokens"):
        return UsageForm.openai_chat
    is_anthropic = any(raw.get(key) for key in _ANTHROPIC_KEYS)
    is_responses = any(raw.get(key) for key in ("input_tokens_details", "input_token_details"))
    if is_anthropic and is_responses:
        raise UsageUnreadable("usage has the cache keys of two forms: send one of them, or the counts themselves")
    if not _has_any(raw, "input_tokens", "output_tokens"):
        raise UsageUnreadable("usage has no token counts: it needs input_tokens, prompt_tokens or gen_ai.usage.*")
    return UsageForm.anthropic if is_anthropic else UsageForm.openai_responses


def read_anthropic(raw: Mapping[str, Any]) -> dict[str, int]:
    """Messages API: `input_tokens` is without cache reads and writes, so they are added."""
    cached, written = _count(raw, "cache_read_input_tokens"), _count(raw, "cache_creation_input_tokens")
    by_age = _part(raw, "cache_creation")
    kept = _count(by_age, "ephemeral_1h_input_tokens")
    written = max(written, kept + _count(by_age, "ephemeral_5m_input_tokens"))
    return {
        "input": _count(raw, "input_tokens") + cached + written,
        "output": _count(raw, "output_tokens"),
        "cached": cached,
        "cache_write": written,
        "cache_write_1h": kept,
        "reasoning": _count(_part(raw, "output_tokens_details"), "thinking_tokens"),
    }


def read_openai_chat(raw: Mapping[str, Any]) -> dict[str, int]:
    """Chat completions and what speaks like it; input holds the cached tokens.

    Some providers leave reasoning out of `completion_tokens`; where only that makes `total_tokens` right, it is added.
    """
    parts, made = _part(raw, "prompt_tokens_details"), _part(raw, "completion_tokens_details")
    given, output = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    reasoning = _count(made, "reasoning_tokens")
    if reasoning and _count(raw, "total_tokens") == given + output + reasoning:
        output += reasoning
    return {
        "input": given,
        "output": output,
        "cached": _count(parts, "cached_tokens") or _count(raw, *_CHAT_CACHED_NAMES),
        "cache_write": _count(parts, "cache_write_tokens") or _count(raw, "cache_creation_input_tokens"),
        "reasoning": reasoning,
    }


def read_openai_responses(raw: Mapping[str, Any]) -> dict[str, int]:
    """Responses and realtime API; input holds the cached tokens."""
    parts = _part(raw, "input_tokens_details", "input_token_details")
    made = _part(raw, "output_tokens_details", "output_token_details")
    return {
        "input": _count(raw, "input_tokens"),
        "output": _count(raw, "output_tokens"),
        "cached": _count(parts, "cached_tokens"),
        "cache_write": _count(parts, "cache_write_tokens"),
        "reasoning": _count(made, "reasoning_tokens", "thinking_tokens"),
    }


def read_otel(raw: Mapping[str, Any]) -> dict[str, int]:
    """`gen_ai.usage.*` attributes, new names before old; input holds the cached and written tokens."""
    if not _has_any(raw, *OTEL_NAMES["input"], *OTEL_NAMES["output"]):
        raise UsageUnreadable(f"usage has neither {OTEL_NAMES['input'][0]} nor {OTEL_NAMES['output'][0]}")
    return {kind: _count(raw, *names) for kind, names in OTEL_NAMES.items()}


def read_otel_model(raw: Mapping[str, Any]) -> tuple[str, str]:
    """Provider and model that the attributes name, empty where they do not. Raises UsageUnreadable for one that would
    have to be cut or cleaned: it would be another name then."""
    return _name(raw, OTEL_PROVIDER_NAMES), _name(raw, OTEL_MODEL_NAMES)


def read_processing(raw: Mapping[str, Any]) -> Processing | None:
    """The mode that a usage object itself tells: Anthropic's `service_tier` of a batch."""
    return Processing.batch if raw.get("service_tier") == "batch" else None


_ANTHROPIC_KEYS = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation")
_CHAT_CACHED_NAMES = ("cache_read_input_tokens", "cached_tokens", "prompt_cache_hit_tokens")
_READERS = {
    UsageForm.anthropic: read_anthropic,
    UsageForm.openai_chat: read_openai_chat,
    UsageForm.openai_responses: read_openai_responses,
    UsageForm.otel: read_otel,
}


def _has_any(raw: Mapping[str, Any], *names: str) -> bool:
    return any(raw.get(name) is not None for name in names)


def _present(raw: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    return ((name, raw[name]) for name in names if raw.get(name) is not None)


def _name(raw: Mapping[str, Any], names: tuple[str, ...]) -> str:
    key, name = next(((key, value) for key, value in _present(raw, names) if isinstance(value, str)), ("", ""))
    if len(name) > NAME_MAX_CHARS or REPLACEMENT in name:
        raise UsageUnreadable(f"{key} must be of {NAME_MAX_CHARS} characters at most, all of which can be kept")
    return name


def _part(raw: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The first of the objects that is there, else an empty one."""
    for name, value in _present(raw, names):
        if not isinstance(value, Mapping):
            raise UsageUnreadable(f"{name} must be an object")
        return value
    return {}


def _count(raw: Mapping[str, Any], *names: str) -> int:
    """The first of the counts that is there, else 0; OTLP writes whole numbers as text."""
    for name, value in _present(raw, names):
        is_text = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 13
        is_whole = isinstance(value, float) and value.is_integer()
        number = int(value) if is_text or is_whole else value
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= TOKENS_MAX:
            raise UsageUnreadable(f"{name} must be a whole number from 0 to {TOKENS_MAX}")
        return number
    return 0
