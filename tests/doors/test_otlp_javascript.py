"""OpenTelemetry's JavaScript SDK as it comes sends its logs and spans, in either encoding."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Service
from tests.doors.installing import only_in_long_form, run
from tests.doors.otlp_clients import CLIENTS, exporting_to, install_npm
from tests.fleet.programs import make_key, running_api

PACKAGES = [
    f"@opentelemetry/{name}"
    for name in (
        "api", "api-logs", "sdk-logs", "sdk-trace-node", "resources", "exporter-logs-otlp-http", "exporter-logs-otlp-proto",
        "exporter-trace-otlp-http", "exporter-trace-otlp-proto",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("otlp_javascript")


@only_in_long_form
@pytest.mark.parametrize("encoding", ["http", "proto"])
async def test_logs_and_spans_arrive_in_either_encoding(service: Service, folder: Path, encoding: str) -> None:
    if not (folder / "node_modules").exists():
        await install_npm(PACKAGES, folder)
        shutil.copy(CLIENTS / "otlp_javascript.mjs", folder)
    async with running_api(service, folder) as api:
        await run(["node", "otlp_javascript.mjs", encoding], folder, **exporting_to(api, await make_key(service)))
    project = await service.project()
    listed = (await project.get("/api/errors", limit=200))["errors"]
    errors = {error["message"]: await project.get(f"/api/errors/{error['id']}") for error in listed}
    assert len(listed) == 2, listed
    assert set(errors) == {'{"event":"drawer","stuck":[1,2]}', "order 4711 has no total"}
    raised = errors["order 4711 has no total"]
    assert (raised["service"], raised["release"], raised["environment"]) == ("till", "3", "prod")
    assert raised["error_type"] == "TypeError"
    assert "charge" in raised["stack_trace"]
    assert len(raised["context"]["span_id"]) == 16
