"""Rules as they are stored: what was said comes back, and one that cannot be read keeps no other from being gone by."""

from common.alerts.rule_rows import add_rule, find_start, list_armed, list_to_start, note_start
from common.alerts.rules import RuleTerms
from tests.common.alerts.making import named
from tests.conftest import Service

TERMS = RuleTerms.model_validate({"when": ["new", {"budget": 80}], "if": {"service": "shop"}, "throttle_minutes": 5})


async def test_only_what_is_armed_is_gone_by_and_names_are_taken_once(service: Service) -> None:
    project = await service.project()
    async with service.tools.engine.begin() as connection:
        assert await add_rule(connection, project.id, "a", TERMS, channels=[named("c")], is_armed=True)
        assert await add_rule(connection, project.id, "b", TERMS)
        assert await add_rule(connection, project.id, "a", TERMS) is None
        [armed] = await list_armed(connection, project.id)
    assert (armed.name, armed.channels, armed.when, armed.if_) == ("a", (named("c"),), TERMS.when, TERMS.if_)


async def test_a_rule_of_a_later_release_is_left_out(service: Service) -> None:
    project = await service.project()
    async with service.tools.engine.begin() as connection:
        for name in ("a", "b"):
            await add_rule(connection, project.id, name, TERMS, channels=[named("c")], is_armed=True)
    await service.execute("UPDATE alert_rules SET terms = '{\"when\": [\"moonrise\"]}' WHERE name = 'a'")
    async with service.tools.engine.connect() as connection:
        assert [rule.name for rule in await list_armed(connection, project.id)] == ["b"]


async def test_a_project_starts_once(service: Service) -> None:
    project = await service.project()
    async with service.tools.engine.begin() as connection:
        assert await list_to_start(connection) == [project.id]
        assert await note_start(connection, project.id)
        assert not await note_start(connection, project.id)
        assert await list_to_start(connection) == []
        assert await find_start(connection, project.id)
