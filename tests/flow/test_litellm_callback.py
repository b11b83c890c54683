"""The callback for LiteLLM that the docs have, run as it stands there with the arguments that LiteLLM's documentation names."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.conftest import Project, Service

RECIPE = re.compile(r"## LiteLLM as it goes\n.*?```python\n(.*?)```", re.DOTALL)
DOCS = Path(__file__).parents[2] / "docs/budgets.md"
AT = datetime(2026, 11, 3, 10, tzinfo=UTC)
USAGE = {"prompt_tokens": 10_000, "completion_tokens": 2_000, "total_tokens": 12_000,
         "prompt_tokens_details": {"cached_tokens": 4_000, "cache_creation_tokens": 1_000}, "cache_creation_input_tokens": 1_000,
         "cache_read_input_tokens": 4_000}  # fmt: skip


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An instance of the docs' class. LiteLLM itself, which is large, is not there: its base class does nothing."""
    found = RECIPE.search(DOCS.read_text())
    assert found is not None
    base = ModuleType("litellm.integrations.custom_logger")
    base.__dict__["CustomLogger"] = type("CustomLogger", (), {})
    for name in ("litellm", "litellm.integrations"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, base.__name__, base)
    monkeypatch.setenv("MAYDAY_URL", "http://mayday")
    monkeypatch.setenv("MAYDAY_INGEST_KEY", "key")
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - our own docs
    return names["Mayday"]()


async def call(recipe: Any, project: Project, **others: Any) -> None:
    kwargs = {
        "model": "claude-sonnet-4-5", "custom_llm_provider": "anthropic", "litellm_call_id": "call-1", "cache_hit": None,
        "litellm_params": {"metadata": {"user_api_key_team_alias": "ops", "agent": "reviewer", "session_id": "s-1"}}, **others,
    }  # fmt: skip
    usage = SimpleNamespace(model_dump=lambda *, exclude_none: dict(USAGE) if exclude_none else None)
    recipe.client = project.ingest
    await recipe.async_log_success_event(kwargs, SimpleNamespace(id="chatcmpl-1", usage=usage), AT, AT)


async def test_a_call_is_one_record_with_its_team_run_and_price(service: Service, recipe: Any) -> None:
    project = await service.project()
    for _ in range(2):
        await call(recipe, project)
    rows = await service.execute(
        "SELECT event_key, team, agent, run, cost_usd::float, cached_tokens FROM usage_records"
    )
    # 5,000 x 3 + 4,000 x 0.30 + 1,000 x 3.75 + 2,000 x 15
    assert [tuple(row) for row in rows] == [("chatcmpl-1", "ops", "reviewer", "s-1", 0.04995, 4_000)]


async def test_what_litellm_had_in_its_own_cache_cost_nothing_and_is_not_sent(service: Service, recipe: Any) -> None:
    project = await service.project()
    await call(recipe, project, cache_hit=True)
    assert list(await service.execute("SELECT 1 FROM usage_records")) == []


async def test_a_call_without_metadata_is_told_too(service: Service, recipe: Any) -> None:
    project = await service.project()
    await call(recipe, project, litellm_params=None)
    [row] = await service.execute("SELECT team, agent, run FROM usage_records")
    assert tuple(row) == ("unknown", "", None)
