"""What calls would have cost, and what caching was worth, on the command line: the figures of the API, and what is not known."""

import asyncio
from contextlib import nullcontext
from typing import Any, get_args

import httpx
import pytest
from typer.testing import CliRunner

from api.fields import ProcessingName
from api.spending.record_spans import GroupWord
from cli.client import Api
from cli.main import app
from cli.usage import asking
from tests.conftest import Project, Service
from tests.flow.test_costs import Bridge

RECORDS = [
    {"event_key": "1", "team": "ops", "model": "claude-sonnet-4-5", "occurred_at": "2026-11-03T10:00:00Z",
     "input_tokens": 10_000, "cached_tokens": 4_000, "cache_write_tokens": 1_000, "output_tokens": 2_000},
    {"event_key": "2", "team": "ops", "model": "acme-1", "occurred_at": "2026-11-03T10:00:00Z", "input_tokens": 7,
     "output_tokens": 0},
]  # fmt: skip
DAYS = ("--since", "2026-11-01", "--until", "2026-12-01")


async def run(project: Project, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    bridge = httpx.Client(base_url="http://mayday", transport=Bridge(project.read))
    monkeypatch.setattr(asking, "connected", lambda *_: nullcontext(Api(bridge)))
    return await asyncio.to_thread(CliRunner().invoke, app, ["usage", *arguments, *DAYS])


async def test_both_tell_what_the_api_does_and_what_is_not_known(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await service.project()
    assert (await project.ingest.post("/api/usage/batch", json={"records": RECORDS})).status_code == 201
    told = await run(project, monkeypatch, "what-if", "--to-model", "gpt-4o")
    assert (told.exit_code, told.stdout.splitlines()[1].split("\t")) == (
        0, ["claude-sonnet-4-5", "1", "12000", "0.04995", "0.0400", "-0.00995"],
    )  # fmt: skip
    assert "not compared, was_unpriced: 1 calls, 7 tokens" in told.stderr
    assert "cache_write_as_input: 1 calls" in told.stderr
    told = await run(project, monkeypatch, "caching", "--by", "team")
    assert "0.01080\t0.00075\t0.01005" in told.stdout
    assert "6,007 tokens were not cached and name no run" in told.stderr


def test_the_words_are_those_of_the_api() -> None:
    assert get_args(asking.Group) == get_args(GroupWord.__value__)
    assert get_args(asking.Mode) == get_args(ProcessingName.__value__)
