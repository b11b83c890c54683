"""What changes of patterns are told by, from what is stored."""

from datetime import UTC, datetime

from common.alerts.pattern_facts import TAGS_MAX, load_facts, read_tags, trend_facts
from tests.conftest import Service

ERROR = {"service": "shop", "severity": "error", "environment": "production", "message": "payment 17 declined by bank"}


async def test_they_say_where_how_badly_how_often_and_what_the_latest_error_says(service: Service) -> None:
    project = await service.project()
    await project.send(ERROR, ERROR, ERROR | {"service": "cart", "severity": "critical", "environment": None})
    await service.run_worker()
    await project.send(ERROR | {"release": "2.0", "tags": {"region": "eu", "n": "7"}})
    await service.run_worker()
    [pattern] = await service.execute("SELECT pattern_id FROM patterns")
    async with service.tools.engine.connect() as connection:
        facts = await load_facts(connection, project.id, [pattern.pattern_id], datetime.now(UTC))
        assert await load_facts(connection, project.id, [], datetime.now(UTC)) == {}
    told = facts[pattern.pattern_id]
    assert (told["title"], told["services"], told["count"]) == ("payment <*> declined by bank", ["shop", "cart"], 4)
    assert (told["environments"], told["severity"], told["state"]) == (["production", ""], "critical", "new")
    assert (told["releases"], told["is_new_release"], told["tags"]) == (["2.0"], True, {"region": "eu", "n": "7"})


def test_tags_are_few_and_short_and_rubbish_is_none() -> None:
    many = ", ".join(f'"{n}": "{"x" * 500}"' for n in range(50))
    tags = read_tags(f"{{{many}}}")
    assert len(tags) == TAGS_MAX
    assert max(map(len, tags.values())) == 200
    assert read_tags(None) == read_tags("[1]") == {}


def test_the_figures_of_a_trend_have_the_names_of_facts() -> None:
    kept = '{"window": "1h", "count": 75, "expected": 10.0, "ratio": 7.5, "p_value": 0.001}'
    assert trend_facts(kept) == {"observed": 75, "expected": 10.0, "factor": 7.5, "window": "1h"}
    assert trend_facts(None) == {}
