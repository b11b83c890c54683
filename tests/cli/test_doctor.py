"""`mayday doctor` follows its own error, whatever else a project has, says where it stops, and leaves nothing behind."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cli.doctor import OWN_PROJECT, Patient, Stuck, list_left_behind
from common.keys import Scope
from common.projects import ensure_project
from common.settings import ROOT
from tests.chaos.programs import Api
from tests.common.projects.test_deletion import rows_of
from tests.conftest import Service
from tests.fleet.programs import environment_of, make_key, running_api, running_worker

QUICK = {"fold_every_seconds": 1, "patterns_every_seconds": 10}
MANY = 2_000
COUNTS = "SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM api_keys), (SELECT count(*) FROM errors)"


@asynccontextmanager
async def running(service: Service, folder: Path) -> AsyncIterator[Api]:
    async with running_api(service, folder, **QUICK) as api, running_worker(service, folder, **QUICK):
        yield api


async def ask_doctor(service: Service, api: Api, *arguments: str, **environment: str) -> tuple[int, str]:
    """Its exit status, and what it said."""
    given = {**os.environ, **environment_of(service, **QUICK), "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-P", "-m", "cli", "doctor", "--url", api.url, *arguments]
    done = await asyncio.to_thread(subprocess.run, command, env=given, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


async def test_right_after_a_start_it_finds_all_well_and_leaves_nothing_of_its_own(
    service: Service, tmp_path: Path
) -> None:
    stays = await service.project("stays")
    await stays.send({"service": "shop", "severity": "error", "message": "card declined"})
    before = await rows_of(service, stays.id), await service.execute(COUNTS)
    async with running(service, tmp_path) as api:
        for _ in range(2):
            status, said = await ask_doctor(service, api)
            assert status == 0, said
            assert [line.split()[0] for line in said.splitlines()] == ["ok"] * 6
    assert await service.execute(COUNTS) == before[1]
    after = await rows_of(service, stays.id)
    assert {name: after[name] for name in ("errors", "api_keys")} == {
        name: before[0][name] for name in ("errors", "api_keys")
    }


async def test_among_two_thousand_patterns_it_finds_its_own_by_the_keys_of_their_project(
    service: Service, tmp_path: Path
) -> None:
    project = await service.project()
    for start in range(0, MANY, 500):
        await project.send(
            *[
                {"service": "shop", "severity": "critical", "message": "failed", "fingerprint": f"f{number}"}
                for number in range(start, start + 500)
                for _ in range(2)
            ]
        )
    keys = [await make_key(service, scope) for scope in (Scope.ingest, Scope.read)]
    async with running(service, tmp_path) as api:
        status, said = await ask_doctor(service, api, "--ingest-key", keys[0], "--read-key", keys[1])
    assert status == 0, said
    assert said.startswith("note  one error of service mayday-doctor stays")
    assert "counted and in patterns" in said
    [(patterns,)] = await service.execute("SELECT count(*) FROM patterns")
    assert patterns >= MANY
    listed = (await project.get("/api/errors/patterns", window="1h"))["patterns"]
    assert len(listed) < MANY
    assert "a test of mayday doctor" not in [pattern["title"] for pattern in listed]


async def test_without_a_database_here_it_uses_the_keys_and_says_so(service: Service, tmp_path: Path) -> None:
    keys = [await make_key(service, scope) for scope in (Scope.ingest, Scope.read)]
    async with running(service, tmp_path) as api:
        status, said = await ask_doctor(
            service, api, MAYDAY_DATABASE_URL="", MAYDAY_HOME=str(tmp_path), MAYDAY_INGEST_KEY=keys[0],
            MAYDAY_READ_KEY=keys[1],
        )  # fmt: skip
    assert (status, said.partition(" ")[0]) == (0, "note"), said
    assert await service.execute("SELECT service FROM errors") == [("mayday-doctor",)]


async def test_without_a_worker_it_is_stuck_there_says_what_the_api_says_and_leaves_nothing(
    service: Service, tmp_path: Path
) -> None:
    before = await service.execute(COUNTS)
    async with running_api(service, tmp_path, **QUICK) as api:
        status, said = await ask_doctor(service, api)
    assert status == 1
    assert "STUCK worker: not in patterns after" in said
    assert "The API says of it: the job fold has never ended well" in said
    assert await service.execute(COUNTS) == before


def patient_of(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> Patient:
    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://mayday")
    return Patient(client, "ingest", "read", patience_seconds=options.get("patience_seconds", 0.0))


def test_a_worker_that_is_slow_and_not_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.doctor.ASK_AGAIN_SECONDS", 0.01)
    looks = 0
    sent = "2026-11-29T12:00:00Z"

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal looks
        if request.url.path == "/readyz":
            return httpx.Response(200, json={"checks": {"worker": "ok"}})
        if request.url.path == "/api/errors/patterns":
            looks += 1
            at = "2026-11-29T11:59:00Z" if looks < 3 else "2026-11-29T12:00:30Z"
            return httpx.Response(200, json={"computed_at": at, "patterns": []})
        return httpx.Response(200, json={"pattern_id": str(uuid4()), "received_at": sent})

    assert patient_of(answer, patience_seconds=60).await_worker().startswith("counted and in patterns")
    assert looks == 3


def test_one_call_to_the_cache_that_was_slow_is_no_cache_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    sources = iter(["hit", "bypass", "miss", "hit"])
    patient = patient_of(lambda _: httpx.Response(200, headers={"X-Mayday-Cache": next(sources)}))
    assert patient.check_cache() == "Redis answers (miss, then hit)"
    with pytest.raises(Stuck, match="MAYDAY_CACHE_URL"):
        patient_of(lambda _: httpx.Response(200, headers={"X-Mayday-Cache": "bypass"})).check_cache()


async def test_what_a_killed_run_left_is_deleted_an_hour_later(service: Service) -> None:
    async with service.tools.engine.begin() as connection:
        old, new = [await ensure_project(connection, f"{OWN_PROJECT}{number}") for number in range(2)]
        await ensure_project(connection, "mayday")
    await service.execute("UPDATE projects SET created_at = now() - interval '2 hours' WHERE project_id <> :id", id=new)
    assert await list_left_behind(service.tools.engine) == [old]
