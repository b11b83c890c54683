"""Budgets are told, held and settled, and usage is recorded on a pattern, by the same functions as the routes."""

from tests.api.agents.asking import failing_shop, rows_of, text_of, use
from tests.conftest import Service


async def test_budgets_are_told_reserved_and_settled_with_usage_on_a_pattern(service: Service) -> None:
    project = await failing_shop(service)
    made = {"name": "agents", "scope": "project", "metric": "tokens", "limit": 10_000, "period": "month"}
    budget = (await project.admin.post("/api/budgets", json=made)).json()["id"]
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    reserved = await use(project.ingest, "budget", action="reserve", budget=budget, estimate="9000")
    facts = reserved["structuredContent"]["facts"]
    assert facts["allowed"] is True
    refused = await text_of(project.ingest, "budget", action="reserve", budget=budget, estimate="2000")
    assert refused.startswith("Refused")
    usage = {
        "event_key": "investigation-1",
        "team": "ops",
        "model": "claude-haiku-4-5",
        "input_tokens": 700,
        "output_tokens": 100,
        "pattern": pattern,
    }
    settle = {"action": "settle", "budget": budget, "reservation": facts["reservation_id"], "usage": usage}
    settled = (await use(project.ingest, "budget", **settle))["structuredContent"]["facts"]
    assert settled == {"usage": "stored", "reservation": "settled"}
    again = (await use(project.ingest, "budget", action="record", usage=usage))["structuredContent"]["facts"]
    assert again == {"usage": "duplicate"}
    [row] = rows_of(await use(project.read, "spending", max_tokens=1000))
    assert (row["budget"], row["used"], row["reserved"]) == ("agents", 800, 0)
    explained = await use(project.read, "explain_pattern", pattern=pattern, max_tokens=2000)
    assert explained["structuredContent"]["facts"]["spent"] == "800 tokens, 1 calls"
