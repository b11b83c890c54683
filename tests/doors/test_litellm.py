"""LiteLLM as it comes, with the callback of docs/budgets.md: each call that succeeded is a record at its price."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from tests.conftest import Service
from tests.doors.installing import only_in_long_form, run
from tests.doors.otlp_clients import CLIENTS, install_pypi
from tests.fleet.programs import make_key, running_api
from tests.flow.test_litellm_callback import DOCS, RECIPE

LITELLM = ("litellm==1.110.2",)
numbers = count(1)
Answer = dict[str, Any]
CHAT = {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000,
        "prompt_tokens_details": {"cached_tokens": 4_000}, "completion_tokens_details": {"reasoning_tokens": 300}}  # fmt: skip
MESSAGE = {
    "input_tokens": 4_000, "cache_read_input_tokens": 4_000, "cache_creation_input_tokens": 2_000, "output_tokens": 1_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2_000},
}  # fmt: skip


def chat(name: str) -> tuple[Answer, str]:
    """As OpenAI answers: whole, and as a stream."""
    told: Answer = {"id": name, "created": 1, "model": "gpt-5-mini-2025-08-07"}
    message: Answer = {"role": "assistant", "content": "ok"}
    whole = told | {"object": "chat.completion", "usage": CHAT,
                    "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}  # fmt: skip
    told["object"] = "chat.completion.chunk"
    parts = [
        told | {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
        told | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        told | {"choices": [], "usage": CHAT},
    ]
    return whole, "".join(f"data: {json.dumps(part)}\n\n" for part in parts) + "data: [DONE]\n\n"


def message(name: str) -> tuple[Answer, str]:
    """The same as Anthropic answers."""
    told: Answer = {"id": name, "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
    text: Answer = {"type": "text", "text": "ok"}
    whole = told | {"content": [text], "stop_reason": "end_turn", "usage": MESSAGE}
    begun: Answer = told | {"content": [], "stop_reason": None, "usage": MESSAGE | {"output_tokens": 1}}
    parts: list[Answer] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": text | {"text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1_000}},
        {"type": "message_stop"},
    ]
    return whole, "".join(f"event: {part['type']}\ndata: {json.dumps(part)}\n\n" for part in parts)


class Models(BaseHTTPRequestHandler):
    """Answers as both do."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "fail" in json.dumps(asked["messages"]):
            self.answer(500, "application/json", json.dumps({"error": {"message": "down", "type": "server_error"}}))
            return
        whole, streamed = (message if "/messages" in self.path else chat)(f"call-{next(numbers)}")
        if asked.get("stream"):
            self.answer(200, "text/event-stream", streamed)
        else:
            self.answer(200, "application/json", json.dumps(whole))

    def answer(self, status: int, media_type: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def models() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@only_in_long_form
async def test_calls_whole_and_streamed_are_records_at_their_price_and_one_that_failed_is_none(
    service: Service, tmp_path: Path
) -> None:
    python = await install_pypi(LITELLM, tmp_path / "venv")
    recipe = RECIPE.search(DOCS.read_text())
    assert recipe is not None
    (tmp_path / "mayday_litellm.py").write_text(recipe[1])
    program = shutil.copy(CLIENTS / "litellm_calls.py", tmp_path)
    key = await make_key(service)
    async with running_api(service, tmp_path) as api:
        told = {"MAYDAY_URL": api.url, "MAYDAY_INGEST_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with models() as url:
            for model, base in (("openai/gpt-5-mini", f"{url}/v1"), ("anthropic/claude-haiku-4-5", url)):
                await run([python, program, model, base], tmp_path, **told)
    rows = await service.execute("SELECT model, agent, run, cached_tokens, cost_usd FROM usage_records ORDER BY model")
    # 4,000 x 1 + 4,000 x 0.1 + 2,000 x 2 + 1,000 x 5, and 6,000 x 0.25 + 4,000 x 0.025 + 1,000 x 2, a million
    assert [(row.model, row.agent, row.run, row.cached_tokens, round(float(row.cost_usd), 9)) for row in rows] == [
        *[("claude-haiku-4-5", "reviewer", "s-1", 4_000, 0.0134)] * 2,
        *[("gpt-5-mini", "reviewer", "s-1", 4_000, 0.0036)] * 2,
    ]
