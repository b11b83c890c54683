"""What looks at errors tells what the API tells."""

from tests.api.agents.asking import failing_shop, refusal, rows_of, text_of, use
from tests.conftest import Service


async def test_what_is_failing_tells_the_patterns_of_the_api(service: Service) -> None:
    project = await failing_shop(service)
    result = await use(project.read, "what_is_failing")
    answer = await project.get("/api/errors/patterns")
    told = rows_of(result)
    assert {(row["pattern"], row["count"]) for row in told} == {(p["id"][-8:], p["count"]) for p in answer["patterns"]}
    text = result["content"][0]["text"]
    assert all(row["pattern"] in text for row in told)
    assert rows_of(await use(project.read, "what_is_failing", service="login"))[0]["count"] == 12
    assert (await text_of(project.read, "what_is_failing", skip=2)).startswith("42 errors, 2 patterns in 24h")


async def test_one_pattern_is_explained_down_to_its_own_frames(service: Service) -> None:
    project = await failing_shop(service)
    first = rows_of(await use(project.read, "what_is_failing", order="count"))[0]["pattern"]
    result = await use(project.read, "explain_pattern", pattern=first)
    facts = result["structuredContent"]["facts"]
    assert facts["type"] == "PaymentDeclined"
    assert "<*>" in facts["template"]
    assert facts["began_with"].startswith("release 2.4.1")
    assert any("checkout.py" in line for line in result["structuredContent"]["lines"])
    assert not any("starlette" in line for line in result["structuredContent"]["lines"])
    assert "no pattern" in await refusal(project.read, "explain_pattern", pattern="00000000")


async def test_errors_of_a_pattern_come_page_by_page_and_none_twice(service: Service) -> None:
    project = await failing_shop(service)
    first = rows_of(await use(project.read, "what_is_failing", order="count"))[0]["pattern"]
    met: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        result = await use(project.read, "errors_of_pattern", pattern=first, max_tokens=400, **cursor)
        met += [row["error"] for row in rows_of(result)]
        if "next" not in result["structuredContent"]:
            break
        cursor = {"cursor": result["structuredContent"]["next"]}
    assert len(met) == len(set(met)) == 30


async def test_errors_are_searched(service: Service) -> None:
    project = await failing_shop(service)
    found = rows_of(await use(project.read, "search_errors", text="WRONG password", limit=3))
    assert len(found) == 3
    assert {row["service"] for row in found} == {"login"}
    assert "No errors." in await text_of(project.read, "search_errors", text="nothing says this")
