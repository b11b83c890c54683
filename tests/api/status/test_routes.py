"""An admin key learns how the service and its own project do; what all take together is the operators' alone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from cli.status import describe
from common.settings import Settings
from tests.conftest import Project, Service, run_service


async def ask(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/status")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


async def send_at(project: Project, *ages_minutes: float) -> None:
    now = datetime.now(UTC)
    await project.send(
        *[
            {
                "service": "shop",
                "severity": "error",
                "message": "card declined",
                "event_id": str(uuid4()),
                "timestamp": (now - timedelta(minutes=age)).isoformat(),
            }
            for age in ages_minutes
        ]
    )


async def test_rates_count_what_is_folded_and_what_is_not(service: Service) -> None:
    project = await service.project()
    await send_at(project, 0.1, 0.2, 30, 50, 120)
    before = (await ask(project.admin))["project"]
    assert (before["errors_last_minute"], before["errors_last_hour"]) == (2, 4)
    assert before["oldest_delta_seconds"] > 0
    assert before["patterns_seconds"] is None
    await service.run_worker()
    await send_at(project, 10)
    after = (await ask(project.admin))["project"]
    assert (after["errors_last_minute"], after["errors_last_hour"]) == (2, 5)
    await service.run_worker()
    told = await ask(project.admin)
    assert told["project"]["oldest_delta_seconds"] == 0
    assert told["project"]["patterns_seconds"] < 30
    assert told["service"]["worker"] == "ok"
    jobs = {"fold", "patterns", "upkeep", "alerts", "budgets", "spending", "deletions", "channel_tests"}
    assert set(told["service"]["job_seconds"]) == jobs


async def test_nothing_in_the_answer_changes_with_what_another_project_sends(service: Service) -> None:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    await service.run_worker()
    before = await ask(mine.admin)
    await send_at(theirs, *[0.1] * 50)
    after = await ask(mine.admin)
    assert before["installation"] is after["installation"] is None
    assert before["project"] | {"patterns_seconds": 0} == after["project"] | {"patterns_seconds": 0}
    assert {**before["service"], "job_seconds": 0} == {**after["service"], "job_seconds": 0}
    assert (await ask(theirs.admin))["project"]["errors_last_minute"] == 50


async def test_only_admin_keys_may_ask(service: Service) -> None:
    project = await service.project()
    for client in (project.read, project.ingest):
        assert (await client.get("/api/status")).status_code == 403


async def test_keys_of_the_operators_project_see_every_table_and_partition(settings: Settings) -> None:
    changed = settings.model_copy(update={"operator_project": "ours", "disk_bytes": 10**12})
    async with run_service(changed) as service:
        ours, tenant = await service.project("ours"), await service.project("tenant")
        await service.run_worker()
        await send_at(tenant, 0.1, 24 * 60)
        assert (await ask(tenant.admin))["installation"] is None
        told = (await ask(ours.admin))["installation"]
        assert told["projects"] == 2
        tables = {table["name"]: table for table in told["tables"]}
        assert {"errors", "deltas", "rollups", "usage_records", "job_runs"} <= tables.keys()
        partitions = {part["day"]: part["size_bytes"] for part in tables["errors"]["partitions"]}
        today = datetime.now(UTC).date()
        assert {str(today), str(today + timedelta(days=7)), str(today - timedelta(days=30)), None} <= partitions.keys()
        assert sum(partitions.values()) == tables["errors"]["size_bytes"]
        assert told["growth_bytes_per_day"] == partitions[str(today - timedelta(days=1))]
        assert sum(table["size_bytes"] for table in told["tables"]) < told["database_bytes"]
        assert (told["disk_bytes"], told["full_on"]) == (10**12, None)


async def test_the_day_on_which_the_disk_is_full_is_told(settings: Settings) -> None:
    changed = settings.model_copy(update={"operator_project": "ours", "disk_bytes": 1})
    async with run_service(changed) as service:
        ours = await service.project("ours")
        assert (await ask(ours.admin))["installation"]["full_on"] is None
        await send_at(ours, 24 * 60)
        told = (await ask(ours.admin))["installation"]
        assert told["full_on"] == str(datetime.now(UTC).date())


async def test_the_command_tells_what_the_route_tells_operators(service: Service) -> None:
    await service.project()
    await service.run_worker()
    told = json.loads((await describe(service.settings)).model_dump_json())
    assert told["service"]["processes"]["api"] >= 1
    assert told["service"]["schema_revision"] >= "0005"
    assert told["installation"]["projects"] == 1
    assert told["installation"]["connections_may_open"] <= told["installation"]["connections_allowed"]
