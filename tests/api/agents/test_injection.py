"""Text from errors is data: what frames it holds, read by a parser that knows the frame and nothing else, in MCP and markdown."""

import re
from collections import Counter
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from api.app import CATALOGUE
from api.reads.catalogue import Read
from api.reads.cells import UNSEEN
from common.database.clock import CLOCK
from tests.api.agents.asking import speak, use
from tests.api.agents.hostile import HOSTILE
from tests.api.agents.test_fencing import LINK, take_out
from tests.conftest import Project, Service

LIVE = ("link_open", "image", "html_inline", "html_block", "heading_open", "fence", "code_block", "code_inline", "em_open",
        "strong_open", "bullet_list_open", "ordered_list_open", "blockquote_open", "hr", "s_open")  # fmt: skip


async def hostile_project(service: Service) -> Project:
    project = await service.project()
    errors = [
        {
            "service": text.replace("\x00", "")[:100],
            "severity": "error",
            "message": text,
            "error_type": text[:100],
            "environment": text[:60],
            "release": text[:60],
            "stack_trace": f'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in f\n    {text}\n{text}',
            "tags": {"k": text[:80]},
            "context": {"said": text},
        }
        for text in HOSTILE
    ]
    answer = await project.ingest.post("/api/errors/batch", json={"errors": errors})
    assert answer.json()["count"] == len(HOSTILE), answer.text
    spent = {"team": HOSTILE[0][:100], "model": "claude-haiku-4-5", "input_tokens": 1, "output_tokens": 1}
    now = CLOCK.now().isoformat()
    records = [
        {**spent, "event_key": str(n), "team": text[:100].strip() or "x", "run": HOSTILE[0], "occurred_at": now}
        for n, text in enumerate(HOSTILE)
    ]
    await project.ingest.post("/api/usage/batch", json={"records": records})
    await service.run_worker()
    for text in HOSTILE[:3]:
        made = {
            "name": text[:60],
            "scope": "team",
            "scope_value": text[:60],
            "metric": "tokens",
            "limit": 9,
            "period": "day",
        }
        assert (await project.admin.post("/api/budgets", json=made)).status_code == 201
        rule = {"name": text[:60], "when": ["new"], "channels": [], "armed": False}
        assert (await project.admin.post("/api/alerts/rules", json=rule)).status_code == 201
    return project


async def test_the_frame_of_every_tool_and_resource_holds(service: Service) -> None:
    project = await hostile_project(service)
    failing = await use(project.admin, "what_is_failing", max_tokens=50_000)
    data = take_out(failing["content"][0]["text"])
    rows = failing["structuredContent"]["rows"]
    assert len(data) == len(rows) + 2, "services, columns, and a line for each pattern"
    assert all(len(re.split(r"(?<!\\)\|", line)) == 7 for line in data[1:])
    patterns = (await project.get("/api/errors/patterns"))["patterns"]
    for pattern in patterns:
        text = HOSTILE[0]
        await use(project.admin, "decide", pattern=pattern["id"], action="note", note=text, dry_run=False)
        for tool in ("explain_pattern", "errors_of_pattern"):
            result = await use(project.admin, tool, pattern=pattern["id"], max_tokens=3_000)
            check(result, take_out(result["content"][0]["text"]))
        read = await speak(project.admin, "resources/read", {"uri": f"mayday://pattern/{pattern['id']}"})
        take_out(read["result"]["contents"][0]["text"])
    for one in (await project.get("/api/errors", limit=200))["errors"]:
        read = await speak(project.admin, "resources/read", {"uri": f"mayday://error/{one['id']}"})
        take_out(read["result"]["contents"][0]["text"])
    for tool, arguments in (
        ("search_errors", {"limit": 100}),
        ("what_changed", {}),
        ("spending", {}),
        ("decide", {"pattern": patterns[0]["id"], "action": "note", "note": HOSTILE[3]}),
    ):
        result = await use(project.admin, tool, max_tokens=20_000, **arguments)
        check(result, take_out(result["content"][0]["text"]))


def check(result: dict[str, Any], data: list[str]) -> None:
    """No line, and no value of the object, holds what cannot be seen; no line a link that lives."""
    assert not any(UNSEEN.search(line) or LINK.search(line) for line in data)
    assert not any(UNSEEN.search(text) for text in texts_of(result["structuredContent"]))


def texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts_of(one)]
    return [text for one in value for text in texts_of(one)] if isinstance(value, list) else []


def tokens_of(text: str) -> list[Token]:
    parser = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    return [one for block in parser.parse(text) for one in (block, *(block.children or ()))]


@pytest.mark.parametrize("read", CATALOGUE, ids=lambda read: read.operation)
async def test_the_markdown_of_every_read_is_a_table_and_plain_text(service: Service, read: Read[Any]) -> None:
    project = await hostile_project(service)
    for path, params in await paths_of(project, read):
        answer = await project.admin.get(path, params={"format": "markdown", **params})
        assert answer.status_code == 200, answer.text
        tokens = tokens_of(answer.text)
        live = Counter(token.type for token in tokens if token.type in LIVE)
        assert live == OURS.get(read.operation, {}), answer.text
        assert not UNSEEN.search(answer.text.replace("\n", "")), answer.text
        assert not LINK.search(answer.text), answer.text
        assert sum(token.type == "table_open" for token in tokens) <= 1


# The report that teams keep has a heading of ours, and a row of sums.
OURS = {"get_cost_report": {"heading_open": 1, "strong_open": 3}}


async def paths_of(project: Project, read: Read[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Where this read is to be had for all that the project has of it."""
    if read.operation == "get_what_if":
        return [(read.path, {"to_model": "claude-haiku-4-5"})]
    if read.id_name is None:
        return [(read.path, {"run": HOSTILE[0]} if "run" in read.params.model_fields else {})]
    if read.id_name in ("channel_id", "test_id"):
        return []  # texts that admins wrote for admins, in the same cells
    places = {
        "pattern_id": ("/api/errors/patterns", "patterns"),
        "event_id": ("/api/errors", "errors"),
        "budget_id": ("/api/budgets", "budgets"),
        "rule_id": ("/api/alerts/rules", "rules"),
    }
    path, name = places[read.id_name]
    found = (await project.admin.get(path)).json()[name]
    assert found
    return [(read.path.replace(f"{{{read.id_name}}}", one["id"]), {}) for one in found]
