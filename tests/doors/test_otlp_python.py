"""OpenTelemetry's Python SDK as it comes sends its logs and spans; the long form has a model's client instrumented."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Service
from tests.doors.installing import only_in_long_form
from tests.doors.otlp_clients import exporting_to, install_pypi, run_python
from tests.fleet.programs import make_key, running_api

PROGRAM = "otlp_python.py"
# of one time: a later util-genai is not what this instrumentation was made for
INSTRUMENTED = (
    "opentelemetry-instrumentation-openai-v2==2.4b0", "opentelemetry-util-genai==1.0b0", "openai<3", "httpx",
    "opentelemetry-exporter-otlp-proto-http",
)  # fmt: skip


async def run_against(service: Service, folder: Path, to_do: str) -> list[dict[str, Any]]:
    """The errors that come of it."""
    key = await make_key(service)
    async with running_api(service, folder) as api:
        said = await run_python(PROGRAM, to_do, exporting_to(api, key))
        assert "Failed to export" not in said, said
    project = await service.project()
    listed = (await project.get("/api/errors", limit=200))["errors"]
    return [await project.get(f"/api/errors/{error['id']}") for error in listed]


async def test_log_records_arrive_with_what_they_say(service: Service, tmp_path: Path) -> None:
    errors = {error["message"]: error for error in await run_against(service, tmp_path, "log_alone")}
    assert set(errors) == {"stock of item 17 is gone", "card of order 4711 declined"}
    plain, raised = errors["stock of item 17 is gone"], errors["card of order 4711 declined"]
    assert (plain["service"], plain["release"], plain["environment"]) == ("shop", "1.2", "prod")
    assert plain["context"]["attributes"].items() >= {"warehouse": "north", "shelves": [1, 2]}.items()
    assert plain["tags"]["logger"] == "shop.pay"
    assert raised["error_type"] == "Declined"
    assert raised["context"]["logged"] == "payment failed"
    assert "in charge" in raised["stack_trace"]


async def test_an_exception_that_is_logged_and_leaves_two_spans_is_one(service: Service, tmp_path: Path) -> None:
    [error] = await run_against(service, tmp_path, "raise_through_spans")
    assert error["message"] == "card of order 4712 declined"
    assert error["error_type"] in ("Declined", "__main__.Declined")
    assert len(error["context"]["trace_id"]) == 32


async def test_attempts_that_fail_alike_count_each(service: Service, tmp_path: Path) -> None:
    errors = await run_against(service, tmp_path, "retry_in_a_span")
    assert [error["message"] for error in errors] == ["card of order 4713 declined"] * 3


async def test_the_call_of_an_agents_model_becomes_a_priced_record(service: Service, tmp_path: Path) -> None:
    assert await run_against(service, tmp_path, "call_model") == []
    [row] = await service.execute("SELECT * FROM usage_records")
    assert (row.event_key, row.team, row.agent, row.model) == ("msg_4711", "shop", "reviewer", "claude-haiku-4-5")
    assert (row.input_tokens, row.output_tokens, row.priced_by) == (6225, 6225, "catalog")
    assert row.cost_usd > 0


class FakeModel(BaseHTTPRequestHandler):
    """Answers as the chat completions of OpenAI do."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "fine"}
        usage = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
        body = json.dumps({
            "id": "chatcmpl-4711", "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage,
        }).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def fake_model() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeModel) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


@only_in_long_form
async def test_an_instrumented_client_of_openai_becomes_a_priced_record(service: Service, tmp_path: Path) -> None:
    python = await install_pypi(INSTRUMENTED, tmp_path / "venv")
    key = await make_key(service)
    async with running_api(service, tmp_path) as api:
        with fake_model() as url:
            environment = exporting_to(api, key, OPENAI_BASE_URL=url, OPENAI_API_KEY="none")
            await run_python("otlp_openai.py", "call", environment, python)
    [row] = await service.execute("SELECT * FROM usage_records")
    assert (row.event_key, row.team, row.model) == ("chatcmpl-4711", "shop", "gpt-4.1-2025-04-14")
    assert (row.provider, row.input_tokens, row.output_tokens, row.priced_by) == ("openai", 1000, 50, "catalog")
    assert float(row.cost_usd) == pytest.approx(0.0024)
