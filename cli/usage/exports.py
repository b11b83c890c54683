"""Usage records out of what gateways and providers export: LiteLLM's spend log, OpenAI's and Anthropic's usage, as JSON or
as tables. Pure.

A row of a provider is the sum of many calls in an hour or a day: it has as its key what it is the sum of, so that the export
of a day that has not ended is replaced by the next one.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cli.usage.records import NO_TEAM, Options, Skipped, Unread, UsageRecord

Row = Mapping[str, Any]
Found = UsageRecord | Unread | Skipped
LONG_CONTEXT_TOKENS = 200_000
# Of OpenAI's old export of activity, and of Anthropic's table: their columns in the words of today's usage objects.
OPENAI_OLD = {
    "n_context_tokens_total": "input_tokens", "n_generated_tokens_total": "output_tokens",
    "n_cached_context_tokens_total": "input_cached_tokens", "n_requests": "num_model_requests",
}  # fmt: skip
ANTHROPIC_TABLE = {
    "usage_input_tokens_no_cache": "input_tokens", "uncached_input_tokens": "input_tokens",
    "usage_input_tokens_cache_read": "cache_read_input_tokens", "cache_read_input_tokens": "cache_read_input_tokens",
    "usage_input_tokens_cache_write_5m": "cache_creation.ephemeral_5m_input_tokens",
    "usage_input_tokens_cache_write_1h": "cache_creation.ephemeral_1h_input_tokens",
    "usage_output_tokens": "output_tokens", "output_tokens": "output_tokens",
    "web_search_count": "server_tool_use.web_search_requests",
}  # fmt: skip
OPENAI_KEYS = ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "object")
ANTHROPIC_KEYS = (
    "workspace", "workspace_id", "api_key", "api_key_id", "model", "model_version", "usage_type", "service_tier",
    "context_window", "inference_geo", "speed", "account_id", "service_account_id",
)  # fmt: skip
ANTHROPIC_MARKS = ("usage_input_tokens_no_cache", "uncached_input_tokens")
OPENAI_MARKS = ("num_model_requests", "n_context_tokens_total", "input_cached_tokens")


def read_document(document: Row, options: Options) -> Iterator[Found]:
    """The records of one object: a page, a bucket, a row."""
    if isinstance(pages := document.get("data"), list):
        for one in pages:
            yield from read_document(one, options) if isinstance(one, dict) else iter((Unread("no object in data"),))
    elif isinstance(results := document.get("results"), list):
        around = {key: value for key, value in document.items() if key not in ("results", "object")}
        for one in results:
            yield from (
                read_row({**around, **one}, options)
                if isinstance(one, dict)
                else iter((Unread("no object in results"),))
            )
    else:
        yield from read_row(document, options)


def read_row(row: Row, options: Options) -> Iterator[Found]:
    """The records of a row, by what its columns are."""
    reader = find_reader(row)
    if reader is None:
        names = ", ".join(sorted(map(str, row))[:6])
        yield Unread(f"neither a session log's line nor a row of a known export: it has {names}"[:160])
        return
    try:
        yield reader(row, options)
    except (ValueError, TypeError, OverflowError) as error:
        yield Unread(f"a row that says no counts or no time ({error})"[:160])


def find_reader(row: Row) -> Callable[[Row, Options], Found] | None:
    if "request_id" in row and ("spend" in row or "startTime" in row):
        return read_litellm
    if any(mark in row for mark in ANTHROPIC_MARKS):
        return read_anthropic
    if any(mark in row for mark in OPENAI_MARKS) or str(row.get("object", "")).startswith("organization.usage."):
        return read_openai
    return None


def read_litellm(row: Row, options: Options) -> Found:
    """A row of LiteLLM_SpendLogs. What it reckoned itself is not taken, but where nobody else knows a price."""
    about = read_object(row.get("metadata"))
    told = read_object(about.get("usage_object")) or read_object(about.get("additional_usage_values"))
    usage = {
        **told,
        **{name: to_count(row.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")},
    }
    if str(row.get("cache_hit")).lower() == "true":
        return Skipped("answered out of LiteLLM's own cache")
    if not any(usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")):
        return Skipped("no tokens: a call that failed, or none of a model")
    provider = str(row.get("custom_llm_provider") or "")
    return UsageRecord(
        event_key=to_name(row["request_id"]),
        team=options.team or to_name(about.get("user_api_key_team_alias") or row.get("team_id")) or NO_TEAM,
        agent=options.agent or to_name(about.get("user_api_key_alias") or row.get("end_user")) or None,
        model=to_name(row.get("model")) or options.model,
        provider=None if provider in ("", "None") else provider,
        occurred_at=to_time(row.get("startTime")),
        usage=usage,
        run=to_name(row.get("session_id")) or None,
        cost_usd=to_cost(row.get("spend")),
    )


def read_openai(row: Row, options: Options) -> Found:
    """A result of OpenAI's usage API, or a row of its export."""
    known = {OPENAI_OLD.get(key, key): value for key, value in row.items()}
    model = to_name(known.get("model") or known.get("snapshot_id")) or options.model
    if not model:
        return Unread("a row of OpenAI without a model: export it grouped by model, or name it with --model")
    counted = ("input_tokens", "output_tokens", "input_cached_tokens", "input_audio_tokens", "output_audio_tokens",
               "input_image_tokens", "output_image_tokens", "num_model_requests")  # fmt: skip
    usage: dict[str, Any] = {name: to_count(known[name]) for name in counted if known.get(name) not in (None, "")}
    if not any(usage.get(name) for name in ("input_tokens", "output_tokens")):
        return Skipped("no tokens")
    usage["total_tokens"] = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    usage.setdefault("output_tokens", 0)
    tier = known.get("service_tier")
    usage |= (
        {"service_tier": "batch" if str(known.get("batch")).lower() == "true" else tier}
        if tier or known.get("batch")
        else {}
    )
    usage.setdefault("num_model_requests", estimate_calls(usage.get("input_tokens", 0)))
    start = known.get("start_time_iso") or known.get("start_time") or known.get("timestamp")
    return UsageRecord(
        event_key=name_row("openai", start, row, OPENAI_KEYS),
        team=options.team or to_name(known.get("project_name") or known.get("project_id")) or NO_TEAM,
        agent=options.agent or to_name(known.get("api_key_id")) or None,
        model=model,
        provider="openai",
        occurred_at=to_time(start),
        usage=usage,
    )


def read_anthropic(row: Row, options: Options) -> Found:
    """A result of Anthropic's usage report, or a row of its table. Its rows are of one size of context each."""
    model = to_name(row.get("model") or row.get("model_version")) or options.model
    if not model:
        return Unread("a row of Anthropic without a model: export it grouped by model, or name it with --model")
    usage: dict[str, Any] = {}
    for key, value in row.items():
        if (place := ANTHROPIC_TABLE.get(key)) and value not in (None, ""):
            part, _, name = place.rpartition(".")
            (usage.setdefault(part, {}) if part else usage)[name] = to_count(value)
    usage |= {key: row[key] for key in ("cache_creation", "server_tool_use", "inference_geo", "speed") if row.get(key)}
    if not any(isinstance(value, int) and value for value in usage.values()) and not usage.get("cache_creation"):
        return Skipped("no tokens")
    tier = str(row.get("service_tier") or row.get("usage_type") or "").lower()
    usage |= {"service_tier": tier} if tier in ("standard", "batch", "priority", "flex") else {}
    created = read_object(usage.get("cache_creation"))
    size = usage.get("input_tokens", 0) + usage.get("cache_read_input_tokens", 0) + sum(map(to_count, created.values()))
    is_long = str(row.get("context_window") or "").lower().replace(" ", "").startswith(("200k-", "200k+", ">200k"))
    usage["num_requests"] = 1 if is_long else estimate_calls(size)
    start = row.get("starting_at") or row.get("usage_date_utc") or row.get("date")
    return UsageRecord(
        event_key=name_row("anthropic", start, row, ANTHROPIC_KEYS),
        team=options.team or to_name(row.get("workspace") or row.get("workspace_id")) or NO_TEAM,
        agent=options.agent or to_name(row.get("api_key") or row.get("api_key_id")) or None,
        model=model,
        provider="anthropic",
        occurred_at=to_time(start),
        usage={"input_tokens": 0, "output_tokens": 0, **usage},
    )


def estimate_calls(input_tokens: int) -> int:
    """Of how many calls a row is at least the sum where it does not say: none of them had a long context's price."""
    return max(1, -(-input_tokens // LONG_CONTEXT_TOKENS))


def name_row(source: str, start: Any, row: Row, keys: tuple[str, ...]) -> str:
    """The key of a row: what it is the sum of."""
    said = json.dumps([str(start), *(str(row.get(key) or "") for key in keys)])
    return f"{source}:{str(start)[:40]}:{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def read_object(value: Any) -> dict[str, Any]:
    """An object, also where a table holds it as its text; empty for anything else."""
    if isinstance(value, str) and value[:1] == "{":
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def to_count(value: Any) -> int:
    """A whole number, also as a table writes it: 1,234 or 12.0. Raises ValueError."""
    if value in (None, "", "None"):
        return 0
    number = float(str(value).replace(",", ""))
    if not number.is_integer() or not 0 <= number <= 10**12:
        raise ValueError(f"{str(value)[:20]} is no count")
    return int(number)


def to_cost(value: Any) -> str | None:
    """USD as they were written, None where there are none."""
    try:
        cost = float(str(value))
    except ValueError:
        return None
    return f"{cost:.12f}" if 0 < cost < 10**9 else None


def to_name(value: Any) -> str:
    return "" if value in (None, "None") else str(value)[:200]


def to_time(value: Any) -> str:
    """RFC 3339 of seconds since 1970, of a day, or of a time, UTC where it names no zone. Raises ValueError."""
    if value in (None, ""):
        raise ValueError("no time")
    text = str(value).strip()
    if text.replace(".", "", 1).isdecimal():
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1_000 if seconds > 10**11 else seconds, UTC).isoformat()
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" UTC", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
