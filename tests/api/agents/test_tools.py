"""A key is offered what its scope may, and may no more."""

from tests.api.agents.asking import failing_shop, refusal, speak
from tests.conftest import Service


async def test_a_key_is_offered_what_its_scope_may(service: Service) -> None:
    project = await failing_shop(service)
    reads = {"what_is_failing", "explain_pattern", "errors_of_pattern", "search_errors", "what_changed", "spending"}
    offered = {
        project.read: reads,
        project.triage: {*reads, "decide"},
        project.ingest: {"budget"},
        project.admin: {*reads, "decide", "budget"},
    }
    for client, names in offered.items():
        tools = (await speak(client, "tools/list"))["result"]["tools"]
        assert {tool["name"] for tool in tools} == names
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    assert "scope" in await refusal(project.read, "decide", pattern=pattern, action="resolve", dry_run=False)
    assert "scope" in await refusal(project.ingest, "what_is_failing")
    assert "scope" in await refusal(project.triage, "budget", action="record")
