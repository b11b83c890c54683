"""What models read of the tools is short, and says all that can be asked."""

import json

from rs_bpe import openai

from tests.api.agents.asking import speak
from tests.conftest import Service

O200K = openai.o200k_base()


async def test_all_descriptions_are_few_tokens(service: Service) -> None:
    project = await service.project()
    tools = (await speak(project.admin, "tools/list"))["result"]["tools"]
    seen = [{name: tool[name] for name in ("name", "description", "inputSchema")} for tool in tools]
    tokens = O200K.count(json.dumps(seen, separators=(",", ":")))
    outputs = O200K.count(json.dumps([tool["outputSchema"] for tool in tools], separators=(",", ":")))
    print(f"descriptions {tokens} tokens, output schemas {outputs}")  # noqa: T201 - docs/agents.md tells it
    assert len(tools) == 8
    assert tokens <= 1_500
