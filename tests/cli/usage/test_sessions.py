"""Of each call that a session log tells of there is one record, whichever version wrote it."""

import json
from typing import Any

import pytest

from cli.usage.records import Options, Unread, UsageRecord
from cli.usage.sessions import SessionReader, may_hold_usage
from tests.cli.usage.logs import (
    BOTH,
    DAY,
    FIRST,
    SECOND,
    agent_progress,
    claude_line,
    claude_noise,
    codex_count,
    codex_event,
    codex_log,
    codex_old_log,
    codex_start,
    codex_usage,
)


def read(lines: list[dict[str, Any]], **options: str) -> list[UsageRecord | Unread]:
    reader = SessionReader(Options(**options))
    texts = [json.dumps(line).encode() for line in lines]
    return [found for text in texts if may_hold_usage(text) for found in reader.read(text)]


def records(lines: list[dict[str, Any]], **options: str) -> list[UsageRecord]:
    found = read(lines, **options)
    assert all(isinstance(one, UsageRecord) for one in found), found
    return [one for one in found if isinstance(one, UsageRecord)]


@pytest.mark.parametrize("version", ["0.2.29", "1.0.3", "1.0.110", "2.0.14", "2.1.0"])
def test_every_version_of_claude_code_is_read(version: str) -> None:
    [record] = records([*claude_noise(), claude_line("msg_1", 300, version=version)])
    assert (record.event_key, record.team, record.agent) == ("msg_1", "checkout", "claude-code")
    assert (record.model, record.occurred_at, record.run) == ("claude-haiku-4-5-20251001", DAY, "s-1")
    assert (record.usage["output_tokens"], record.usage["cache_read_input_tokens"]) == (300, 8_000)
    assert record.cost_usd is None


def test_a_sidechain_is_a_run_of_its_own_under_its_session_wherever_it_is_written() -> None:
    inner = claude_line("msg_2", 40, isSidechain=True, agentId="a7")
    told = {"type": "assistant", "message": inner["message"], "agentId": "a7"}
    [own] = records([inner])
    [repeated] = records([agent_progress(told)])
    for record in (own, repeated):
        assert (record.event_key, record.agent) == ("msg_2", "claude-code:subagent")
        assert (record.run, record.parent_run) == ("s-1/a7", "s-1")
    [old] = records([claude_line("msg_3", 40, isSidechain=True)])
    assert (old.agent, old.run, old.parent_run) == ("claude-code:subagent", "s-1", None)


def test_options_win_over_what_a_log_says() -> None:
    [record] = records([claude_line("msg_1", 1)], team="ops", agent="reviewer")
    assert (record.team, record.agent) == ("ops", "reviewer")
    [windows] = records([claude_line("msg_1", 1, cwd="C:\\work\\shop")])
    assert windows.team == "shop"
    [nowhere] = records([claude_line("msg_1", 1, cwd="/")])
    assert nowhere.team == "unknown"


@pytest.mark.parametrize("lines", [codex_log(), codex_old_log()])
def test_codex_tells_sums_and_each_turn_is_a_record_of_what_it_added(lines: list[dict[str, Any]]) -> None:
    first, second = records(lines)
    for record, usage in ((first, FIRST), (second, SECOND)):
        assert record.usage == usage
        assert (record.model, record.provider, record.team, record.agent) == (
            "gpt-5-codex",
            "openai",
            "search",
            "codex",
        )
    assert first.event_key != second.event_key
    assert sum(record.usage["input_tokens"] for record in (first, second)) == BOTH["input_tokens"]


def test_a_file_that_begins_in_the_middle_of_a_session_has_what_its_turns_took() -> None:
    [record] = records([*codex_start(), codex_count(BOTH, SECOND)])
    assert record.usage == SECOND
    again = codex_usage(5_000, 0, 10, 0)
    [_, anew] = records([*codex_start(), codex_count(BOTH, SECOND), codex_count(again, again)])
    assert anew.usage == again


def test_a_fork_repeats_the_session_that_it_came_from_under_the_same_keys() -> None:
    parent = records(codex_log())
    fork = records([*codex_start("c-2", forked_from_id="c-1"), *codex_start("c-1"), *codex_log()[4:]])
    assert [record.event_key for record in fork] == [record.event_key for record in parent]
    assert {record.run for record in fork} == {"c-2"}


def test_a_subagent_of_codex_names_the_session_that_started_it() -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "c-1", "depth": 1}}}
    [record] = records([*codex_start("c-9", source=source), codex_count(FIRST, FIRST)])
    assert (record.run, record.parent_run, record.agent) == ("c-9", "c-1", "codex:subagent")


def test_a_turn_without_a_model_is_said_and_not_guessed() -> None:
    lines = [codex_event("session_meta", {"id": "c-3"}), codex_count(FIRST, FIRST)]
    [unread] = read(lines)
    assert isinstance(unread, Unread)
    assert "--model" in unread.reason
    [record] = records(lines, model="gpt-5")
    assert record.model == "gpt-5"


@pytest.mark.parametrize(
    "line",
    [b'{"type": "assistant", "usage": ', b'{"type": 5, "usage": 1}', b'{"type": "assistant", "message": "usage"}',
     b'{"type": "assistant", "message": {"model": "m", "usage": {"input_tokens": 1}}}', b'\xff"usage"'],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_told(line: bytes) -> None:
    [unread] = SessionReader(Options()).read(line)
    assert isinstance(unread, Unread)


def test_lines_that_hold_no_usage_are_not_even_parsed() -> None:
    assert not may_hold_usage(b'{"type": "user", "message": {"content": "hello"}}')
