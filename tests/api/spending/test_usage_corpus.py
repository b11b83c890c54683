"""What providers, SDKs, gateways and instrumentation write of one call, and what it costs: reckoned by hand from the rates of
November 2026, USD per million tokens (plain, cached, written, written for an hour, output):

    claude-haiku-4-5   1     0.1    1.25  2   5      gemini-2.5-flash  0.3   0.03    2.5   audio 1, cached audio 0.1
    claude-opus-4-8    5     0.5    6.25  10  25     gemini-2.5-pro    1.25  0.125   10
    gpt-5              1.25  0.125            10     grok-4            3     0.75    15
    gpt-4o             2.5   1.25             10     deepseek-chat     0.27  0.07    1.1   in its dear hours
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.spending.usage_leaves import NOT_UNDERSTOOD, TOLD_MAX
from api.spending.usage_objects import UsageUnreadable, read_usage
from api.spending.usage_rows import UsageContext, make_usage_row, name_usage_adjustments
from api.spending.usage_schemas import UsageIn
from api.storing.rows import UsageRow

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
CONTEXT = UsageContext(UUID(int=1), NOW, NOW - timedelta(days=400), NOW + timedelta(minutes=5), ())
Usage = dict[str, Any]

# 10,000 of input, 1,000 of output: haiku 10,000 x 1 + 1,000 x 5; gpt-5 10,000 x 1.25 + 1,000 x 10
PLAIN: dict[str, Usage] = {
    "anthropic": {"input_tokens": 10_000, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                  "output_tokens": 1_000, "service_tier": "standard", "inference_geo": "not_available"},
    "anthropic bare": {"input_tokens": 10_000, "output_tokens": 1_000},
    "openai chat": {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000},
    "openai chat details": {
        "prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 10,
                                      "rejected_prediction_tokens": 5}},
    "openai responses": {"input_tokens": 10_000, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 1_000,
                         "output_tokens_details": {"reasoning_tokens": 300}, "total_tokens": 11_000},
    "openai answer": {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "x", "choices": [{"index": 0}],
                      "usage": {"prompt_tokens": 10_000, "completion_tokens": 1_000}, "service_tier": "default"},
    "openai text": {"prompt_tokens": "10000", "completion_tokens": "1000"},
    "gemini": {"promptTokenCount": 10_000, "candidatesTokenCount": 1_000, "totalTokenCount": 11_000,
               "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10_000}], "trafficType": "ON_DEMAND"},
    "gemini thoughts": {"promptTokenCount": 10_000, "candidatesTokenCount": 600, "thoughtsTokenCount": 400,
                        "totalTokenCount": 11_000},
    "gemini python": {"prompt_token_count": 10_000, "candidates_token_count": 600, "thoughts_token_count": 400,
                      "cached_content_token_count": None, "total_token_count": 11_000},
    "gemini answer": {"candidates": [{"content": {"parts": []}}], "modelVersion": "x",
                      "usageMetadata": {"promptTokenCount": 10_000, "candidatesTokenCount": 1_000}},
    "gemini interactions": {"total_input_tokens": 10_000, "total_output_tokens": 600, "total_thought_tokens": 400,
                            "total_tokens": 11_000, "input_tokens_by_modality": [{"modality": "text", "tokens": 10_000}]},
    "bedrock converse": {"inputTokens": 10_000, "outputTokens": 1_000, "totalTokens": 11_000},
    "bedrock invocation": {"inputTokenCount": 10_000, "outputTokenCount": 1_000, "invocationLatency": 2_100,
                           "firstByteLatency": 300},
    "ai sdk 4": {"promptTokens": 10_000, "completionTokens": 1_000, "totalTokens": 11_000},
    "ai sdk 5": {"inputTokens": 10_000, "outputTokens": 1_000, "totalTokens": 11_000, "reasoningTokens": 200},
    "langfuse": {"input": 10_000, "output": 1_000, "total": 11_000, "unit": "TOKENS"},
    "langchain": {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
                  "output_token_details": {"reasoning": 100}},
    "langchain llm output": {"token_usage": {"prompt_tokens": 10_000, "completion_tokens": 1_000}, "model_name": "x"},
    "ollama": {"prompt_eval_count": 10_000, "eval_count": 1_000, "total_duration": 5_043_500_667,
               "load_duration": 5_025_959, "prompt_eval_duration": 325_953_000, "eval_duration": 4_709_213_000},
    "llama.cpp": {"tokens_evaluated": 10_000, "tokens_predicted": 1_000},
    "cohere": {"billed_units": {"input_tokens": 10_000, "output_tokens": 1_000},
               "tokens": {"input_tokens": 10_500, "output_tokens": 1_000}},
    "groq": {"queue_time": 0.01, "prompt_tokens": 10_000, "prompt_time": 0.1, "completion_tokens": 1_000,
             "completion_time": 1.2, "total_tokens": 11_000, "total_time": 1.3},
    "xai reasons beside": {"prompt_tokens": 10_000, "completion_tokens": 600, "total_tokens": 11_000,
                           "completion_tokens_details": {"reasoning_tokens": 400}},
    "otel": {"gen_ai.usage.input_tokens": 10_000, "gen_ai.usage.output_tokens": 1_000, "gen_ai.request.max_tokens": 4_096,
             "gen_ai.request.temperature": 0.7, "gen_ai.response.finish_reasons": ["stop"], "server.port": 443},
    "otel old": {"gen_ai.usage.prompt_tokens": 10_000, "gen_ai.usage.completion_tokens": 1_000,
                 "llm.usage.total_tokens": 11_000},
    "openinference": {"llm.token_count.prompt": 10_000, "llm.token_count.completion": 1_000,
                      "llm.token_count.total": 11_000},
    "cline": {"tokensIn": 10_000, "tokensOut": 1_000, "cacheWrites": 0, "cacheReads": 0},
    "openrouter generation": {"tokens_prompt": 9_000, "tokens_completion": 900, "native_tokens_prompt": 10_000,
                              "native_tokens_completion": 1_000},
}  # fmt: skip

# 4,000 of the 10,000 cached: haiku 6,000 x 1 + 4,000 x 0.1 + 5,000; gpt-5 6,000 x 1.25 + 4,000 x 0.125 + 10,000
CACHED: dict[str, Usage] = {
    "anthropic": {"input_tokens": 6_000, "cache_read_input_tokens": 4_000, "cache_creation_input_tokens": 0,
                  "output_tokens": 1_000},
    "openai chat": {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000,
                    "prompt_tokens_details": {"cached_tokens": 4_000}},
    "openai responses": {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
                         "input_tokens_details": {"cached_tokens": 4_000}},
    "openai realtime": {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000, "input_token_details": {
        "text_tokens": 10_000, "audio_tokens": 0, "cached_tokens": 4_000,
        "cached_tokens_details": {"text_tokens": 4_000, "audio_tokens": 0}}},
    "codex": {"input_tokens": 10_000, "cached_input_tokens": 4_000, "output_tokens": 1_000, "reasoning_output_tokens": 300,
              "total_tokens": 11_000},
    "langchain": {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
                  "input_token_details": {"cache_read": 4_000}},
    "gemini": {"promptTokenCount": 10_000, "cachedContentTokenCount": 4_000, "candidatesTokenCount": 1_000,
               "totalTokenCount": 11_000, "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 4_000}]},
    "bedrock": {"inputTokens": 6_000, "outputTokens": 1_000, "totalTokens": 11_000, "cacheReadInputTokens": 4_000,
                "cacheWriteInputTokens": 0},
    "bedrock total without cache": {"inputTokens": 6_000, "outputTokens": 1_000, "totalTokens": 7_000,
                                    "cacheReadInputTokenCount": 4_000},
    "ai sdk 6": {"inputTokens": 10_000, "outputTokens": 1_000, "totalTokens": 11_000, "cachedInputTokens": 4_000,
                 "inputTokenDetails": {"noCacheTokens": 6_000, "cacheReadTokens": 4_000, "cacheWriteTokens": None},
                 "outputTokenDetails": {"textTokens": 1_000, "reasoningTokens": None},
                 "raw": {"input_tokens": 6_000, "cache_read_input_tokens": 4_000, "output_tokens": 1_000}},
    "ai sdk provider": {"inputTokens": {"total": 10_000, "noCache": 6_000, "cacheRead": 4_000},
                        "outputTokens": {"total": 1_000, "text": 1_000}},
    "langfuse buckets": {"input": 6_000, "output": 1_000, "cache_read_input_tokens": 4_000, "total": 11_000},
    "langfuse openai": {"input": 6_000, "input_cached_tokens": 4_000, "output": 1_000, "total": 11_000},
    "langfuse inclusive": {"input": 10_000, "input_cached_tokens": 4_000, "output": 1_000, "total": 11_000},
    "opencode": {"input": 6_000, "output": 1_000, "reasoning": 0, "cache": {"read": 4_000, "write": 0}},
    "cline": {"tokensIn": 6_000, "tokensOut": 1_000, "cacheReads": 4_000},
    "cursor": {"inputTokens": 6_000, "cacheReadTokens": 4_000, "cacheWriteTokens": 0, "outputTokens": 1_000},
    "pydantic ai": {"input_tokens": 10_000, "cache_read_tokens": 4_000, "output_tokens": 1_000},
    "litellm": {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000,
                "cache_read_input_tokens": 4_000, "cache_creation_input_tokens": 0,
                "prompt_tokens_details": {"cached_tokens": 4_000, "text_tokens": 6_000}},
    "deepseek": {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000,
                 "prompt_cache_hit_tokens": 4_000, "prompt_cache_miss_tokens": 6_000},
    "moonshot": {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000, "cached_tokens": 4_000},
    "cohere": {"billed_units": {"input_tokens": 10_000, "output_tokens": 1_000}, "cached_tokens": 4_000},
    "otel": {"gen_ai.usage.input_tokens": 10_000, "gen_ai.usage.output_tokens": 1_000,
             "gen_ai.usage.cache_read.input_tokens": 4_000},
    "otel details": {"gen_ai.usage.input_tokens": 10_000, "gen_ai.usage.output_tokens": 1_000,
                     "gen_ai.usage.details.cache_read_tokens": 4_000},
    "openinference": {"llm.token_count.prompt": 10_000, "llm.token_count.completion": 1_000,
                      "llm.token_count.prompt_details.cache_read": 4_000},
    "ai sdk telemetry": {"ai.usage.promptTokens": 10_000, "ai.usage.completionTokens": 1_000,
                         "ai.usage.cachedInputTokens": 4_000},
    "openrouter generation": {"native_tokens_prompt": 10_000, "native_tokens_completion": 1_000,
                              "native_tokens_cached": 4_000},
}  # fmt: skip

# and 2,000 written for five minutes: haiku 4,000 x 1 + 4,000 x 0.1 + 2,000 x 1.25 + 5,000
WRITTEN: dict[str, Usage] = {
    "anthropic": {"input_tokens": 4_000, "cache_creation_input_tokens": 2_000, "cache_read_input_tokens": 4_000,
                  "cache_creation": {"ephemeral_5m_input_tokens": 2_000, "ephemeral_1h_input_tokens": 0},
                  "output_tokens": 1_000, "service_tier": "standard"},
    "anthropic by age alone": {"input_tokens": 4_000, "cache_read_input_tokens": 4_000, "output_tokens": 1_000,
                               "cache_creation": {"ephemeral_5m_input_tokens": 2_000}},
    "bedrock": {"inputTokens": 4_000, "outputTokens": 1_000, "totalTokens": 11_000, "cacheReadInputTokens": 4_000,
                "cacheWriteInputTokens": 2_000, "cacheDetails": [{"ttl": "5m", "inputTokens": 2_000}]},
    "langchain": {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
                  "input_token_details": {"cache_read": 4_000, "cache_creation": 2_000}},
    "langchain by age": {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000, "input_token_details": {
        "cache_read": 4_000, "cache_creation": 0, "ephemeral_5m_input_tokens": 2_000, "ephemeral_1h_input_tokens": 0}},
    "litellm": {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000,
                "cache_read_input_tokens": 4_000, "cache_creation_input_tokens": 2_000, "prompt_tokens_details": {
                    "cached_tokens": 4_000, "cache_creation_tokens": 2_000,
                    "cache_creation_token_details": {"ephemeral_5m_input_tokens": 2_000}}},
    "openrouter": {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000,
                   "prompt_tokens_details": {"cached_tokens": 4_000, "cache_write_tokens": 2_000}},
    "openai responses": {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
                         "input_tokens_details": {"cached_tokens": 4_000, "cache_write_tokens": 2_000}},
    "ai sdk 6": {"inputTokens": 10_000, "outputTokens": 1_000, "totalTokens": 11_000,
                 "inputTokenDetails": {"noCacheTokens": 4_000, "cacheReadTokens": 4_000, "cacheWriteTokens": 2_000}},
    "ai sdk provider": {"inputTokens": {"total": 10_000, "noCache": 4_000, "cacheRead": 4_000, "cacheWrite": 2_000},
                        "outputTokens": {"total": 1_000}},
    "langfuse": {"input": 4_000, "output": 1_000, "cache_read_input_tokens": 4_000, "cache_creation_input_tokens": 2_000,
                 "total": 11_000},
    "opencode": {"input": 4_000, "output": 1_000, "cache": {"read": 4_000, "write": 2_000}},
    "cline": {"tokensIn": 4_000, "tokensOut": 1_000, "cacheReads": 4_000, "cacheWrites": 2_000},
    "cursor": {"inputTokens": 4_000, "cacheReadTokens": 4_000, "cacheWriteTokens": 2_000, "outputTokens": 1_000},
    "pydantic ai": {"input_tokens": 10_000, "cache_read_tokens": 4_000, "cache_write_tokens": 2_000, "output_tokens": 1_000},
    "otel": {"gen_ai.usage.input_tokens": 10_000, "gen_ai.usage.output_tokens": 1_000,
             "gen_ai.usage.cache_read.input_tokens": 4_000, "gen_ai.usage.cache_creation.input_tokens": 2_000},
    "otel flat": {"gen_ai.usage.input_tokens": 10_000, "gen_ai.usage.output_tokens": 1_000,
                  "gen_ai.usage.cache_read_tokens": 4_000, "gen_ai.usage.cache_write_tokens": 2_000},
    "openinference": {"llm.token_count.prompt": 10_000, "llm.token_count.completion": 1_000,
                      "llm.token_count.prompt_details.cache_read": 4_000,
                      "llm.token_count.prompt_details.cache_write": 2_000},
}  # fmt: skip

TEN = {"prompt_tokens": 10_000, "completion_tokens": 1_000}
CLAUDE = {"input_tokens": 10_000, "output_tokens": 1_000}
HALF_CACHED = {**TEN, "prompt_tokens_details": {"cached_tokens": 4_000}}
LANGCHAIN_FLEX = {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
                  "input_token_details": {"flex": 6_000, "flex_cache_read": 4_000}}  # fmt: skip
GEMINI = {"promptTokenCount": 10_000, "candidatesTokenCount": 1_000}
AUDIO = [{"modality": "TEXT", "tokenCount": 5_000}, {"modality": "AUDIO", "tokenCount": 5_000}]
REALTIME = {
    "input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
    "input_token_details": {"text_tokens": 4_000, "audio_tokens": 6_000, "cached_tokens": 4_000,
                            "cached_tokens_details": {"text_tokens": 1_000, "audio_tokens": 3_000}},
    "output_token_details": {"text_tokens": 200, "audio_tokens": 800},
}  # fmt: skip
DEEP = {"prompt_tokens": 33, "completion_tokens": 7_163, "total_tokens": 7_196, "citation_tokens": 20_016,
        "num_search_queries": 28, "reasoning_tokens": 308_156}  # fmt: skip
# Tiers, places, modalities, tools, and prices that are of the provider: each with its own reckoning.
OTHERS: list[tuple[str, str, Usage, str, list[str]]] = [
    ("", "claude-haiku-4-5", {"input_tokens": 4_000, "cache_read_input_tokens": 4_000, "output_tokens": 1_000,
     "cache_creation": {"ephemeral_1h_input_tokens": 2_000}}, "0.0134", []),
    ("aws", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", {"inputTokens": 4_000, "outputTokens": 1_000,
     "cacheReadInputTokens": 4_000, "cacheWriteInputTokens": 2_000}, "0.01309", []),
    ("aws", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", {"inputTokens": 4_000, "outputTokens": 1_000,
     "cacheReadInputTokens": 4_000, "cacheWriteInputTokens": 2_000, "cacheDetails": [{"ttl": "1h", "inputTokens": 2_000}]},
     "0.01474", []),
    ("", "claude-haiku-4-5", {**CLAUDE, "service_tier": "batch"}, "0.0075", []),
    ("", "claude-haiku-4-5", {**CLAUDE, "service_tier": "priority"}, "0.015", ["priority_rate_unknown"]),
    ("", "claude-haiku-4-5", {**CLAUDE, "service_tier": "moon"}, "0.015", ["not_understood: service_tier=moon"]),
    ("", "claude-opus-4-8", {**CLAUDE, "speed": "fast"}, "0.15", []),
    ("", "claude-opus-4-8", {**CLAUDE, "speed": "standard"}, "0.075", []),
    ("", "claude-opus-4-8", {"input_tokens": 4_000, "cache_read_input_tokens": 4_000, "speed": "fast",
     "cache_creation_input_tokens": 2_000, "output_tokens": 1_000}, "0.119", []),
    ("", "claude-opus-4-6", {**CLAUDE, "speed": "fast"}, "0.45", []),
    ("", "claude-haiku-4-5", {**CLAUDE, "speed": "fast"}, "0.015", ["fast_rate_unknown"]),
    ("", "claude-sonnet-4-6", {**CLAUDE, "inference_geo": "us"}, "0.0495", []),
    ("", "claude-sonnet-4-6", {**CLAUDE, "inference_geo": "global"}, "0.045", []),
    ("", "claude-sonnet-4-6", {**CLAUDE, "inference_geo": "us", "service_tier": "batch"}, "0.02475", []),
    ("", "claude-sonnet-4-6", {**CLAUDE, "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2}}, "0.075", []),
    ("", "claude-sonnet-4-6", {**CLAUDE, "server_tool_use": {"code_execution_requests": 1}}, "0.045",
     ["code_executions_rate_unknown"]),
    ("", "claude-sonnet-4-6", {**CLAUDE, "server_tool_use": {"web_search_requests": 0}, "iterations": [
        {"type": "message", "input_tokens": 10_000, "output_tokens": 1_000}]}, "0.045", []),
    ("", "claude-sonnet-4-6", {**CLAUDE, "iterations": [
        {"type": "message", "input_tokens": 10_000, "output_tokens": 1_000},
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 2_000, "output_tokens": 400}]}, "0.065", []),
    ("", "gpt-5", {**TEN, "service_tier": "flex"}, "0.01125", []),
    ("", "gpt-5", {**HALF_CACHED, "service_tier": "flex"}, "0.009", []),
    ("", "gpt-5", {**HALF_CACHED, "service_tier": "priority"}, "0.036", []),
    ("", "gpt-5", {**HALF_CACHED, "service_tier": "fast"}, "0.036", []),
    ("", "gpt-5", {**HALF_CACHED, "service_tier": "auto"}, "0.018", []),
    ("", "gpt-5", LANGCHAIN_FLEX, "0.009", []),
    ("", "gpt-5", {"usage": HALF_CACHED, "service_tier": "priority", "model": "gpt-5"}, "0.036", []),
    ("", "gpt-5", {"gen_ai.usage.input_tokens": 10_000, "gen_ai.usage.output_tokens": 1_000,
     "gen_ai.openai.request.service_tier": "auto", "gen_ai.openai.response.service_tier": "flex"}, "0.01125", []),
    ("", "gpt-4o", {**HALF_CACHED, "service_tier": "priority"}, "0.051", []),
    ("azure", "gpt-4o", HALF_CACHED, "0.03", []),
    ("", "gpt-4o", {**TEN, "prompt_tokens_details": {"image_tokens": 800}}, "0.035", []),
    ("", "gpt-5", {**TEN, "server_side_tool_usage": {"web_search": 2}}, "0.0425", []),
    ("", "gpt-5", {"input_tokens": 10_000, "output_tokens": 1_000, "file_search_calls": 4}, "0.0325", []),
    ("", "text-embedding-3-small", {"prompt_tokens": 10_000, "total_tokens": 10_000}, "0.0002", []),
    ("", "text-embedding-3-small", {"total_tokens": 10_000}, "0.0002", []),
    ("", "claude-haiku-4-5", {"total_tokens": 10_000}, "0.03", ["estimated"]),
    ("", "claude-haiku-4-5", {"completion_tokens": 1_000, "total_tokens": 11_000}, "0.015", []),
    ("", "gpt-realtime", REALTIME, "0.164", []),
    ("", "gpt-4o-transcribe", {"type": "tokens", "input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
     "input_token_details": {"text_tokens": 1_000, "audio_tokens": 9_000}}, "0.0665", []),
    ("", "whisper-1", {"type": "duration", "seconds": 90}, "0.009", []),
    ("", "gpt-image-1", {"input_tokens": 10_000, "output_tokens": 1_000, "total_tokens": 11_000,
     "input_tokens_details": {"text_tokens": 4_000, "image_tokens": 6_000}}, "0.12", []),
    ("gcp.gemini", "gemini-2.5-flash", {**GEMINI, "promptTokensDetails": AUDIO}, "0.009", []),
    ("gcp.vertex_ai", "gemini-2.5-flash", {**GEMINI, "promptTokensDetails": AUDIO, "cachedContentTokenCount": 4_000,
     "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 3_000}, {"modality": "AUDIO", "tokenCount": 1_000}]},
     "0.00729", []),
    ("", "gemini-2.5-flash", {**GEMINI, "toolUsePromptTokenCount": 1_000, "totalTokenCount": 12_000}, "0.0058", []),
    ("", "gemini-2.5-flash", {**GEMINI, "trafficType": "PROVISIONED_THROUGHPUT"}, "0.0055",
     ["not_understood: trafficType=PROVISIONED_THROUGHPUT"]),
    ("", "gemini-2.5-flash-image", {**GEMINI, "candidatesTokensDetails": [
        {"modality": "IMAGE", "tokenCount": 600}, {"modality": "IMAGE", "tokenCount": 300},
        {"modality": "TEXT", "tokenCount": 100}]}, "0.03025", []),
    ("", "gemini-2.5-pro", {**GEMINI, "cachedContentTokenCount": 4_000}, "0.018", []),
    ("", "gemini-2.5-pro", {"promptTokenCount": 250_000, "candidatesTokenCount": 1_000}, "0.64", []),
    ("x_ai", "grok-4", {"prompt_tokens": 10_000, "completion_tokens": 600, "total_tokens": 11_000,
     "prompt_tokens_details": {"cached_tokens": 4_000, "text_tokens": 10_000},
     "completion_tokens_details": {"reasoning_tokens": 400}, "num_sources_used": 0}, "0.036", []),
    ("xai", "grok-4", {**TEN, "cost_in_usd_ticks": 123_456_789}, "0.0123456789", []),
    ("deepseek", "deepseek-chat", {**TEN, "prompt_cache_hit_tokens": 4_000, "prompt_cache_miss_tokens": 6_000}, "0.003", []),
    ("mistral_ai", "mistral-large-latest", TEN, "0.026", []),
    ("mistral", "mistral-ocr-latest", {"pages_processed": 12, "doc_size_bytes": None}, "0.048", []),
    ("cohere", "command-r-plus", {"billed_units": {"input_tokens": 10_000, "output_tokens": 1_000}}, "0.035", []),
    ("perplexity", "sonar", TEN, "0.023", []),
    ("perplexity", "sonar", {**TEN, "cost": {"input_tokens_cost": 0.01, "output_tokens_cost": 0.001, "request_cost": 0.008,
                                             "total_cost": 0.019}}, "0.019", []),
    # 33 x 2 + 7,163 x 8 + 308,156 x 3 + 20,016 x 2, and 28 searches at 0.005
    ("perplexity", "sonar-deep-research", DEEP, "1.16187", []),
    ("groq", "llama-3.3-70b-versatile", {**TEN, "total_time": 0.3}, "0.00669", []),
    ("aws.bedrock", "amazon.nova-lite-v1:0", {"inputTokens": 6_000, "cacheReadInputTokens": 4_000, "outputTokens": 1_000},
     "0.00066", []),
    ("zai", "glm-4.6", HALF_CACHED, "0.00624", []),
    ("openrouter", "anthropic/claude-haiku-4.5", {**TEN, "cost": 0.0149, "is_byok": False,
     "cost_details": {"upstream_inference_cost": None}}, "0.0149", []),
    ("openrouter", "anthropic/claude-haiku-4.5", {**TEN, "cost": 0.00075, "is_byok": True,
     "cost_details": {"upstream_inference_cost": 0.015}}, "0.01575", []),
    ("openrouter", "anthropic/claude-haiku-4.5", HALF_CACHED, "0.0114", []),
    ("", "deepseek/deepseek-r1:free", TEN, "0", ["free"]),
    ("", "ft:gpt-4o-mini-2024-07-18:acme::id", TEN, "0.0042", []),
    ("", "ft:gpt-4.1-mini-2025-04-14:acme::id", HALF_CACHED, "0.0088", []),
    ("", "claude-haiku-4-5", {"inputTokens": 6_000, "cachedInputTokens": 4_000, "outputTokens": 1_000, "totalTokens": 7_000},
     "0.0114", ["cache_added_to_input"]),
    ("", "claude-haiku-4-5", {"prompt_tokens": 3_000, "completion_tokens": 1_000,
     "prompt_tokens_details": {"cached_tokens": 4_000}}, "0.0084", ["cache_added_to_input"]),
    ("", "claude-haiku-4-5", {**TEN, "total_tokens": 15_000}, "0.015", ["not_understood: total_tokens=15000,not=11000"]),
    ("", "claude-haiku-4-5", {**TEN, "totalCost": 0.5}, "0.015", ["cost_not_taken: totalCost"]),
    ("", "claude-haiku-4-5", {**TEN, "prompt_tokens_details": {"cache_frost_tokens": 5}}, "0.015",
     ["not_understood: prompt_tokens_details.cache_frost_tokens"]),
]  # fmt: skip


def price(provider: str, model: str, usage: Usage) -> tuple[Decimal | None, list[str]]:
    sent = UsageIn(event_key="1", team="ops", provider=provider or None, model=model, occurred_at=NOW, usage=usage)
    row = make_usage_row(sent, CONTEXT)
    assert isinstance(row, UsageRow), row
    return row.cost_usd, name_usage_adjustments(row, 0)


@pytest.mark.parametrize(
    ("model", "shapes", "usd"),
    [
        ("claude-haiku-4-5", PLAIN, "0.015"),
        ("gpt-5", PLAIN, "0.0225"),
        ("claude-haiku-4-5", CACHED, "0.0114"),
        ("gpt-5", CACHED, "0.018"),
        ("claude-haiku-4-5", WRITTEN, "0.0119"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", WRITTEN, "0.01309"),
    ],
)
def test_one_call_costs_the_same_whoever_tells_it(model: str, shapes: dict[str, Usage], usd: str) -> None:
    told = {name: price("", model, usage) for name, usage in shapes.items()}
    differs = {"openrouter generation": ["differs: tokens_prompt/native_tokens_prompt",
                                         "differs: tokens_completion/native_tokens_completion"]}  # fmt: skip
    expected = {
        name: (Decimal(usd), differs.get(name, []) if "tokens_prompt" in shapes[name] else []) for name in shapes
    }
    assert told == expected


def test_tiers_places_modalities_and_tools_cost_what_the_provider_charges() -> None:
    told = [price(provider, model, usage) for provider, model, usage, _, _ in OTHERS]
    wrong = [
        (model, usage, found, usd, words)
        for (_, model, usage, usd, words), found in zip(OTHERS, told, strict=True)
        if found != (Decimal(usd), words)
    ]
    assert wrong == []


def test_there_are_as_many_shapes_as_were_promised() -> None:
    assert len(PLAIN) + len(CACHED) + len(WRITTEN) + len(OTHERS) >= 120


WORDS = st.sampled_from(
    ["cache", "cached", "tier", "tool", "audio", "image", "search", "tokens", "speed", "video", "request"]
)
STRANGE = st.sampled_from(["frost", "moon", "quux", "zeta", "ultra", "lunar"])
VALUES = st.one_of(
    st.integers(1, 10**9), st.floats(0.5, 1e6), st.just(True), st.text("abcxyz", min_size=1, max_size=8),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 9), min_size=1), st.lists(st.integers(1, 9), min_size=1),
)  # fmt: skip
FORMS = st.sampled_from(
    [CLAUDE, TEN, PLAIN["openai responses"], GEMINI, PLAIN["otel"], CACHED["bedrock"], CACHED["ai sdk 6"]]
)
PLACES = st.sampled_from([(), ("prompt_tokens_details",), ("server_tool_use",), ("input_token_details", "deep")])
JOINTS = st.sampled_from(["_", "-", ".", "Camel"])


@given(FORMS, PLACES, st.lists(WORDS, min_size=1, max_size=3), STRANGE, JOINTS, VALUES, st.booleans())
def test_no_key_of_a_cache_a_tier_a_tool_or_a_modality_that_nobody_knows_passes_unnamed(
    form: Usage, place: tuple[str, ...], words: list[str], strange: str, joint: str, value: Any, is_last: bool
) -> None:
    parts = [*words, strange] if is_last else [strange, *words]
    key = parts[0] + "".join(map(str.capitalize, parts[1:])) if joint == "Camel" else joint.join(parts)
    usage: Usage = {**form}
    if any(name.startswith("gen_ai.") for name in form):
        key, place = f"gen_ai.usage.{key}", ()
    inner = usage
    for name in place:
        inner[name] = {**inner[name]} if isinstance(inner.get(name), dict) else {}
        inner = inner[name]
    inner[key] = value
    try:
        told = read_usage(usage).told
    except UsageUnreadable:
        return
    named = [word for word in told if word.startswith(NOT_UNDERSTOOD) and ".".join((*place, key))[:60] in word]
    assert named or len(told) > TOLD_MAX
