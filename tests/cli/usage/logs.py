"""Session logs as Claude Code and Codex write them, version by version: what stands beside the usage is what they write."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DAY = "2026-11-20T10:00:00.000Z"
CACHE = {"cache_creation_input_tokens": 1_000, "cache_read_input_tokens": 8_000}


def claude_line(
    message_id: str, output: int, *, version: str = "2.1.0", session: str = "s-1", model: str = "claude-haiku-4-5-20251001",
    **others: Any,
) -> dict[str, Any]:  # fmt: skip
    """One snapshot of an assistant's message."""
    usage: dict[str, Any] = {"input_tokens": 4, **CACHE, "output_tokens": output, "service_tier": "standard"}
    if version >= "1.0.100":
        usage["cache_creation"] = {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 0}
    if version >= "2":
        usage |= {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}, "inference_geo": "not_available",
                  "iterations": [], "speed": "standard"}  # fmt: skip
    content = [{"type": "text", "text": 'it says {"usage": 5} and \u00fc'}]
    message = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": content,
               "stop_reason": None, "usage": usage}  # fmt: skip
    line: dict[str, Any] = {
        "parentUuid": None, "isSidechain": False, "userType": "external", "cwd": "/home/ada/checkout", "sessionId": session,
        "version": version, "message": message, "requestId": f"req-{message_id}", "type": "assistant",
        "uuid": f"{message_id}-{output}", "timestamp": DAY,
    }  # fmt: skip
    if version < "1":
        line |= {"costUSD": 0.02, "durationMs": 1_500}
    return {**line, **others}


def claude_noise() -> list[dict[str, Any]]:
    """What else stands in such a log, and holds no call."""
    synthetic = claude_line("none", 0, model="<synthetic>")
    return [
        {"type": "summary", "summary": "Fix the usage of tokens", "leafUuid": "1"},
        {"type": "file-history-snapshot", "messageId": "1", "snapshot": {}},
        {"type": "system", "subtype": "compact_boundary", "content": "usage", "timestamp": DAY},
        {"type": "user", "message": {"role": "user", "content": "usage"}, "toolUseResult": {
            "totalTokens": 999, "usage": {"input_tokens": 999, "output_tokens": 999}}, "timestamp": DAY},
        {**synthetic, "isApiErrorMessage": True},
    ]  # fmt: skip


def agent_progress(inner: dict[str, Any]) -> dict[str, Any]:
    """A line of a subagent, as its parent's log repeats it."""
    return {
        "type": "progress",
        "data": {"type": "agent_progress", "message": inner},
        "sessionId": "s-1",
        "timestamp": DAY,
    }


def codex_usage(given: int, cached: int, output: int, reasoning: int) -> dict[str, int]:
    return {"input_tokens": given, "cached_input_tokens": cached, "output_tokens": output,
            "reasoning_output_tokens": reasoning, "total_tokens": given + output}  # fmt: skip


def codex_event(kind: str, payload: dict[str, Any], at: str = DAY) -> dict[str, Any]:
    return {"timestamp": at, "type": kind, "payload": payload}


def codex_count(total: dict[str, int], last: dict[str, int] | None) -> dict[str, Any]:
    info = {"total_token_usage": total, "model_context_window": 272_000} | ({"last_token_usage": last} if last else {})
    return codex_event("event_msg", {"type": "token_count", "info": info, "rate_limits": {"primary": None}})


def codex_start(session: str = "c-1", **others: Any) -> list[dict[str, Any]]:
    meta = {"id": session, "timestamp": DAY, "cwd": "/home/ada/search", "originator": "codex_cli_rs", "cli_version": "0.58.0",
            "source": "cli", "model_provider": "openai", **others}  # fmt: skip
    return [
        codex_event("session_meta", meta),
        codex_event("turn_context", {"cwd": "/home/ada/search", "model": "gpt-5-codex", "effort": "high"}),
        codex_event(
            "response_item", {"type": "message", "role": "user", "content": [{"text": "usage of token_count"}]}
        ),
        codex_event("event_msg", {"type": "token_count", "info": None, "rate_limits": {}}),
    ]


FIRST, SECOND = codex_usage(10_000, 0, 500, 200), codex_usage(12_000, 9_000, 300, 100)
BOTH = {name: FIRST[name] + SECOND[name] for name in FIRST}


def codex_log() -> list[dict[str, Any]]:
    """Two turns, each told twice, as is when limits change."""
    return [*codex_start(), codex_count(FIRST, FIRST), codex_count(FIRST, FIRST), codex_count(BOTH, SECOND),
            codex_count(BOTH, SECOND)]  # fmt: skip


def codex_old_log() -> list[dict[str, Any]]:
    """As the first releases wrote it: sums alone, in the event itself."""
    counts = [codex_event("event_msg", {"type": "token_count", **usage}) for usage in (FIRST, FIRST, BOTH)]
    return [*codex_start("c-old"), *counts]


def write_log(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
