"""The folder of made-up logs: each file becomes what its outcome says, through `mayday send` and the route of shippers."""

import asyncio
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common.settings import ROOT
from tests.api.serving import serving
from tests.cli.send.outcomes import FOLDER, OUTCOMES, SERVICE, describe
from tests.cli.send.reading import read_file
from tests.conftest import Project, Service

# What a shipper brings to the route: text in UTF-8, and no tables.
FOR_THE_ROUTE = [name for name in OUTCOMES if name.endswith((".log", ".json", ".ndjson")) and name not in {
    "database.log", "packed.log", "latin1.log", "utf16.log", "utf16-nomark.log",
}]  # fmt: skip


def test_every_file_has_an_outcome() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*OUTCOMES, "three-kinds.log"}
    assert len(OUTCOMES) >= 40


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_file_becomes_what_its_outcome_says(name: str) -> None:
    errors, tally = read_file(FOLDER / name)
    outcome = OUTCOMES[name]
    assert sorted(describe(error) for error in errors) == sorted(outcome.errors)
    assert (sum(tally.unsent.values()), bool(tally.refused), tally.rejected) == (outcome.unsent, outcome.refused, 0)


async def send(port: int, key: str, *arguments: str) -> tuple[int | None, str, str]:
    """What `mayday send` exits with and says."""
    command = [sys.executable, "-m", "cli", "send", "--url", f"http://127.0.0.1:{port}", "--key", key, *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, said = await asyncio.wait_for(process.communicate(), 100)
    return process.returncode, output.decode(), said.decode()


def key_of(project: Project) -> str:
    return project.ingest.headers["Authorization"].removeprefix("Bearer ")


async def stored(service: Service, project: Project) -> Counter[str]:
    rows = await service.execute(
        "SELECT severity, service, occurred_at, error_type, message FROM errors WHERE project_id = :project_id",
        project_id=project.id,
    )
    words = ("debug", "info", "warning", "error", "critical")
    errors = [
        {
            "severity": words[row.severity], "service": row.service, "error_type": row.error_type, "message": row.message,
            "timestamp": row.occurred_at.isoformat().removesuffix("+00:00"),
        }
        for row in rows
    ]  # fmt: skip
    return Counter(describe(error) for error in errors)


async def test_the_folder_through_send_and_once_more(service: Service, tmp_path: Path) -> None:
    """Times are those of today: Mayday keeps errors of a month. A second send brings duplicates alone."""
    project = await service.project()
    names = [name for name in OUTCOMES if not OUTCOMES[name].refused]
    expected = Counter(error for name in names for error in OUTCOMES[name].errors)
    arguments = ["--service", SERVICE, *(str(FOLDER / name) for name in names)]
    async with serving(service.settings) as port:
        code, output, said = await send(port, key_of(project), *arguments)
        assert (code, said) == (0, ""), said
        assert f"{expected.total()} stored, 0 duplicates" in output
        code, output, _ = await send(port, key_of(project), *arguments)
        assert f"0 stored, {expected.total()} duplicates" in output
    found = await stored(service, project)
    timed = Counter({error: count for error, count in expected.items() if error.split(" | ")[2] != "-"})
    assert timed - found == Counter()
    assert found.total() == expected.total()


async def test_each_file_through_the_route_of_shippers(service: Service) -> None:
    asked = {"level": "warning", "service": SERVICE}
    for name in FOR_THE_ROUTE:
        project = await service.project(name)
        answer = await project.ingest.post("/api/logs", params=asked, content=(FOLDER / name).read_bytes())
        assert (answer.status_code, answer.json()["rejected_count"]) == (200, 0), (name, answer.text)
        expected = Counter(error for error in OUTCOMES[name].errors if error.split(" | ")[2] != "-")
        found = await stored(service, project)
        assert expected - found == Counter(), name
        assert found.total() == len(OUTCOMES[name].errors), name


async def test_three_kinds_of_failure_are_three_patterns(service: Service) -> None:
    project = await service.project()
    sent = (FOLDER / "three-kinds.log").read_bytes()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat().encode()  # patterns are of the last week
    answer = await project.ingest.post(
        "/api/logs", params={"level": "warning"}, content=sent.replace(b"2026-11-23", yesterday)
    )
    assert (answer.json()["count"], answer.json()["discarded"]) == (60, {"below_level": 60})
    await service.run_worker()
    patterns = (await project.get("/api/errors/patterns", window="7d"))["patterns"]
    assert sorted(pattern["count"] for pattern in patterns) == [20, 20, 20]


async def test_a_wrong_key_is_a_sentence(service: Service, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("ERROR it failed\n")
    async with serving(service.settings) as port:
        code, output, said = await send(port, "mayday_ingest_wrong", str(tmp_path / "app.log"))
    assert (code, output) == (2, "")
    assert said.startswith("the key is refused: this key is unknown")
    assert said.count("\n") == 1


async def test_a_field_that_is_not_known_is_told_once(service: Service, tmp_path: Path) -> None:
    project = await service.project()
    records = [{"level": "error", "order": number, "remark": "it was lost at sea"} for number in range(20)]
    path = tmp_path / "app.ndjson"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    async with serving(service.settings) as port:
        code, output, said = await send(port, key_of(project), str(path))
        assert (code, said.count("remark")) == (1, 2)
        assert "'remark' looks like it: --column message=remark" in said
        code, output, said = await send(port, key_of(project), "--column", "message=remark", str(path))
    assert (code, said) == (0, "")
    assert "20 stored" in output


async def test_a_slow_stream_is_sent_each_second(service: Service) -> None:
    project = await service.project()
    async with serving(service.settings) as port:
        command = [sys.executable, "-m", "cli", "send", "--url", f"http://127.0.0.1:{port}", "--key", key_of(project)]
        sender = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert sender.stdin is not None
        for number in range(3):
            sender.stdin.write(b"ERROR it failed %d\n" % number)
            await sender.stdin.drain()
            for _ in range(600):
                if (await stored(service, project)).total() == number + 1:
                    break
                await asyncio.sleep(0.05)
            assert (await stored(service, project)).total() == number + 1
        sender.stdin.close()
        output, _ = await asyncio.wait_for(sender.communicate(), 60)
    assert b"3 stored" in output
