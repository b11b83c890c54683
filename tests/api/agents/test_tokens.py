"""What agents read costs little, counted by a real tokenizer."""

import json
import random
from typing import Any

from rs_bpe import openai

from tests.api.agents.asking import TRACE, rows_of, use
from tests.conftest import Project, Service

O200K = openai.o200k_base()
RANDOM = random.Random(5)
THINGS = [
    "payment",
    "order",
    "shipment",
    "invoice",
    "basket",
    "voucher",
    "session",
    "ticket",
    "mailbox",
    "shard",
    "image",
    "report",
    "feed",
    "index",
]
VERBS = ["failed", "vanished", "stalled", "expired", "overflowed", "conflicted", "bounced"]
PLACES = ["checkout", "login", "search", "mailer", "gateway", "billing", "stock", "export", "sync", "import"]
WHYS = ["declined by issuer", "timed out upstream", "not found in warehouse", "refused by peer"]


def size(result: dict[str, Any]) -> int:
    """Of the text and of the object, whichever is more: a client shows its model one of them."""
    structured = json.dumps(result["structuredContent"], separators=(",", ":"), ensure_ascii=False)
    return max(int(O200K.count(result["content"][0]["text"])), int(O200K.count(structured)))


async def thousand_patterns(service: Service) -> Project:
    project = await service.project()
    kinds = [(t, v, p, w) for t in THINGS for v in VERBS for p in PLACES for w in WHYS]
    errors = [
        {
            "service": place,
            "severity": "error",
            "error_type": f"{thing.title()}{verb.title()}Error",
            "message": f"{thing} {RANDOM.randrange(10**6)} {verb}: {why}",
            "stack_trace": TRACE.replace("checkout.py", f"{place}/{thing}.py").replace("settle", f"{verb}_{n}"),
            "release": "2026.11.3",
        }
        for n, (thing, verb, place, why) in enumerate(RANDOM.sample(kinds, 1_000))
    ]
    await project.send(*errors)
    await service.run_worker()
    return project


async def test_what_is_failing_of_a_thousand_patterns_is_at_most_600_tokens_and_never_over_max_tokens(
    service: Service,
) -> None:
    project = await thousand_patterns(service)
    raw = await project.read.get("/api/errors/patterns")
    assert len(raw.json()["patterns"]) + raw.json()["other"]["patterns"] >= 900
    result = await use(project.read, "what_is_failing")
    shown = len(rows_of(result))
    print(f"what is failing: {size(result)} tokens, {shown} patterns; raw {O200K.count(raw.text)}")  # noqa: T201
    assert size(result) <= 600
    assert shown >= 8
    assert "Left out" in result["content"][0]["text"]
    for max_tokens in (150, 151, 200, 333, 1_000, 5_000, 20_000):
        assert size(await use(project.read, "what_is_failing", max_tokens=max_tokens)) <= max_tokens


async def test_an_investigation_of_three_calls_is_at_most_2000_tokens(service: Service) -> None:
    project = await thousand_patterns(service)
    failing = await use(project.read, "what_is_failing")
    pattern = rows_of(failing)[0]["pattern"]
    explained = await use(project.read, "explain_pattern", pattern=pattern)
    errors = await use(project.read, "errors_of_pattern", pattern=pattern)
    mcp = size(failing) + size(explained) + size(errors)
    assert explained["structuredContent"]["lines"]
    pattern_id = explained["structuredContent"]["facts"]["id"]
    event_id = explained["structuredContent"]["facts"]["latest_error"]
    paths = ["/api/errors/patterns", f"/api/errors/patterns/{pattern_id}", f"/api/errors/{event_id}"]
    raw = [O200K.count((await project.read.get(path)).text) for path in paths]
    print(f"investigation: {mcp} tokens; by raw reads {sum(raw)} ({raw})")  # noqa: T201 - docs/agents.md tells it
    assert mcp <= 2_000
    assert mcp < sum(raw) / 20
