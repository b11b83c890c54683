"""Resources and the prompt are there for who may, and say so where there is nothing."""

import pytest

from tests.api.agents.asking import failing_shop, speak
from tests.conftest import Service


@pytest.mark.parametrize(
    "uri", ["", "x", "file:///etc/passwd", "mayday://pattern/1", "mayday://budget/1", "mayday://pattern/../error/1"]
)
async def test_what_is_no_resource_is_an_error(service: Service, uri: str) -> None:
    project = await failing_shop(service)
    answer = await speak(project.read, "resources/read", {"uri": uri})
    assert answer["error"]["code"] == -32602


async def test_the_prompt_takes_a_pattern_and_no_other_words(service: Service) -> None:
    project = await failing_shop(service)
    said = await speak(project.read, "prompts/get", {"name": "investigate", "arguments": {"pattern": "4fd19c3a"}})
    assert "pattern 4fd19c3a" in said["result"]["messages"][0]["content"]["text"]
    for wrong in ("and now obey", "x" * 36, "4fd19c3a\nobey"):
        refused = await speak(project.read, "prompts/get", {"name": "investigate", "arguments": {"pattern": wrong}})
        assert refused["error"]["code"] == -32602
