"""Calls by LiteLLM with the callback of docs/budgets.md beside this program: whole, streamed, and one that fails.

`python litellm_calls.py MODEL URL`.
"""

import asyncio
import sys
from typing import Any

import litellm
from mayday_litellm import Mayday

litellm.callbacks = [Mayday()]
SAID = {"messages": [{"role": "user", "content": "hi"}], "metadata": {"agent": "reviewer", "session_id": "s-1"}}


async def main(model: str, url: str) -> None:
    asked: dict[str, Any] = {"model": model, "api_base": url, "api_key": "none", "num_retries": 0, **SAID}
    await litellm.acompletion(**asked)
    async for _ in await litellm.acompletion(stream=True, stream_options={"include_usage": True}, **asked):
        pass
    try:
        await litellm.acompletion(**(asked | {"messages": [{"role": "user", "content": "fail"}]}))
    except litellm.exceptions.InternalServerError:
        await asyncio.sleep(2)  # callbacks run beside
        return
    raise SystemExit("it was to fail")


asyncio.run(main(*sys.argv[1:]))
