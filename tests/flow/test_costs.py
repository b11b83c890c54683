"""The golden month end to end: posted through the API, read from report, status, exit codes and patterns."""

import asyncio
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli import budget as command
from cli.client import Api
from cli.cost_log import parse_cost_log
from cli.main import app
from tests.conftest import Project, Service

MONTH = """# Costs 2026-02

| Team | Tokens | Cost | Tokens/Deliverable | Status |
| --- | ---: | ---: | ---: | --- |
| ops | 78,480 | unpriced | — | — |
| backend | 35,670 | $0.107 | 5.9K | watch |
| frontend | 12,450 | $0.037 | 3.1K | ok |
| **TOTAL MTD** | **126,600** | **$0.144** |  |  |

Budget used: 63.3 % (126,600 of 200,000 tokens), ok

Reserve: 36.7 % (73,400 tokens)

Unpriced: 78,480 tokens, not in the costs above.
"""


async def post_month(project: Project) -> None:
    teams = {"frontend": (12_450, 4), "backend": (35_670, 6), "ops": (78_480, 0)}
    records = [
        {"event_key": team, "team": team, "model": "acme-1" if team == "ops" else "claude-haiku-4-5",
         "occurred_at": "2026-02-03T10:00:00Z", "input_tokens": tokens // 2, "output_tokens": tokens // 2,
         **({"deliverable": f"{team}-0"} if team == "frontend" else {})}
        for team, (tokens, _) in teams.items()
    ]  # fmt: skip
    answer = await project.ingest.post("/api/usage/batch", json={"records": records})
    assert answer.status_code == 201, answer.text
    for team, (_, count) in teams.items():
        for number in range(count):
            done = {"ref": f"{team}-{number}", "team": team, "kind": "ticket", "completed_at": "2026-02-20T10:00:00Z"}
            for outcome in ("stored", "duplicate"):
                answer = await project.ingest.post("/api/deliverables", json=done)
                assert (answer.status_code, answer.json()["outcome"]) == (201, outcome)
    sent = {"name": "all", "scope": "project", "metric": "tokens", "limit": 200_000, "period": "month"}
    assert (await project.admin.post("/api/budgets", json=sent)).status_code == 201


async def test_the_report_is_the_table_that_teams_keep_by_hand(service: Service) -> None:
    project = await service.project()
    await post_month(project)
    asked = {"period": "2026-02", "format": "markdown"}
    answer = await project.read.get("/api/costs/report", params=asked)
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text == MONTH
    assert parse_cost_log(answer.text).total_tokens == 126_600
    again = await project.read.get("/api/costs/report", params=asked, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_the_report_as_json_has_costs_bands_and_what_is_tied(service: Service) -> None:
    project = await service.project()
    await post_month(project)
    report = await project.get("/api/costs/report", period="2026-02")
    ops, backend, frontend = report["teams"]
    assert (Decimal(frontend["cost_usd"]), Decimal(backend["cost_usd"])) == (Decimal("0.03735"), Decimal("0.10701"))
    assert (frontend["band"], backend["band"], ops["band"]) == ("ok", "watch", None)
    assert (frontend["tokens_per_deliverable"], backend["tokens_per_deliverable"]) == (3112.5, 5945.0)
    assert (frontend["untied_percent"], backend["untied_percent"]) == (0, 100)
    assert (frontend["tied_median"], frontend["tied_mean"], frontend["tied_p90"]) == (12_450, 12_450, 12_450)
    assert (ops["cost_usd"], ops["unpriced_tokens"], report["unpriced_tokens"]) == (None, 78_480, 78_480)
    assert report["budget"] == {"limit": 200_000, "used_percent": 63.3, "reserve_percent": 36.7, "state": "ok"}
    assert (await project.get("/api/costs/report", period="2026-03"))["tokens"] == 0
    assert (await project.read.get("/api/costs/report", params={"period": "2026-13"})).status_code == 422


async def test_a_deliverable_has_a_cost_in_usd_with_its_spread_where_all_of_it_has_a_price(service: Service) -> None:
    project = await service.project()
    costs = {"PR-1": "1", "PR-2": "2", "PR-3": "9", "PR-4": "100"}
    record = {
        "team": "ops",
        "model": "acme-1",
        "occurred_at": "2026-02-03T10:00:00Z",
        "input_tokens": 7,
        "output_tokens": 0,
    }
    records = [{**record, "event_key": ref, "deliverable": ref, "cost_usd": usd} for ref, usd in costs.items()]
    records.append({**record, "event_key": "unpriced", "deliverable": "PR-4"})
    answer = await project.ingest.post("/api/usage/batch", json={"records": records})
    assert answer.status_code == 201, answer.text
    for ref in (*costs, "PR-5"):
        done = {"ref": ref, "team": "ops", "kind": "pull_request", "completed_at": "2026-02-20T10:00:00Z"}
        await project.ingest.post("/api/deliverables", json=done)
    [ops] = (await project.get("/api/costs/report", period="2026-02"))["teams"]
    # 1, 2 and 9: the ninth tenth lies 0.8 of the way from 2 to 9; PR-4 is not wholly priced, and PR-5 has no tokens
    assert (ops["deliverables"], ops["tied_priced"]) == (5, 3)
    spread = [Decimal(ops[name]) for name in ("tied_median_usd", "tied_p90_usd", "tied_mean_usd")]
    assert spread == [Decimal(2), Decimal("7.6"), Decimal(4)]


async def test_the_report_as_csv_runs_no_formula(service: Service) -> None:
    project = await service.project()
    record = {"event_key": "a", "team": "=1+1", "model": "claude-haiku-4-5", "occurred_at": "2026-02-03T10:00:00Z",
              "input_tokens": 1, "output_tokens": 1}  # fmt: skip
    await project.ingest.post("/api/usage/batch", json={"records": [record]})
    answer = await project.read.get("/api/costs/report", params={"period": "2026-02", "format": "csv"})
    header, line = answer.text.splitlines()
    assert header.startswith("team,tokens,cost_usd,")
    assert line.startswith("'=1+1,2,")


class Bridge(httpx.BaseTransport):
    """Lets a command, which is synchronous and runs in a thread, talk to the app of this test."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.loop = client, asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sent = self.client.request(
            request.method,
            request.url.raw_path.decode(),
            content=request.read(),
            headers={"Content-Type": "application/json"},
        )
        answer = asyncio.run_coroutine_threadsafe(sent, self.loop).result(20)
        return httpx.Response(answer.status_code, content=answer.content)


async def run(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    bridge = httpx.Client(base_url="http://mayday", transport=Bridge(client))
    monkeypatch.setattr(command, "open_api", lambda *_: nullcontext(Api(bridge)))
    return await asyncio.to_thread(CliRunner().invoke, app, ["budget", *arguments])


LOG = """
| Team | Tokens | Cost | Status |
|---|---|---|---|
| frontend | 12,450 | $0.037 | ok
| backend | 35,670 | $0.107 | watch |
| ops | 78,480 | n/a | |
| **TOTAL MTD** | **126,600** | | |
"""


async def test_a_cost_log_is_imported_and_the_exit_code_follows_the_state(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = await service.project()
    sent = {"name": "all", "scope": "project", "metric": "tokens", "limit": 200_000, "period": "month"}
    await project.admin.post("/api/budgets", json=sent)
    [[month]] = await service.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')")
    log = tmp_path / "costs.md"
    log.write_text(LOG)
    imported = ("import", str(log), "--period", month, "--model", "claude-haiku-4-5")
    for outcome in ("3 stored, 0 duplicates", "0 stored, 3 duplicates"):
        done = await run(project.ingest, monkeypatch, *imported)
        assert (done.exit_code, outcome in done.output) == (0, True), done.output
    for tokens, exit_code, state in ((0, 0, "ok, 63.3 % used"), (33_400, 1, "warn"), (20_000, 2, "critical")):
        if tokens:
            log.write_text(f"| Team | Tokens |\n|---|---|\n| more-{tokens} | {tokens:,} |\n")
            await run(project.ingest, monkeypatch, *imported)
        told = await run(project.read, monkeypatch, "check")
        assert (told.exit_code, state in told.output) == (exit_code, True), told.output
    assert (await run(project.read, monkeypatch, "check", "none")).exit_code == 3


async def test_an_empty_cost_log_is_an_error_and_not_zero_percent(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = await service.project()
    log = tmp_path / "costs.md"
    log.write_text("# Costs\n")
    done = await run(project.ingest, monkeypatch, "import", str(log), "--period", "2026-02", "--model", "x")
    assert done.exit_code == 3
    assert "no rows" in done.output


async def test_a_pattern_shows_what_was_spent_on_it(service: Service) -> None:
    project = await service.project()
    event = "00000000-0000-4000-8000-000000000001"
    await project.send({"service": "shop", "severity": "error", "message": "disk full", "event_id": event})
    await service.run_worker()
    [pattern] = (await project.get("/api/errors/patterns"))["patterns"]
    path = f"/api/errors/patterns/{pattern['id']}"
    assert (await project.get(path))["spent"]["tokens"] == 0
    record = {"team": "a", "model": "claude-haiku-4-5", "occurred_at": "2026-02-03T10:00:00Z",
              "input_tokens": 6225, "output_tokens": 6225}  # fmt: skip
    tied: list[dict[str, Any]] = [
        {"pattern_id": pattern["id"]}, {"event_id": event}, {"event_id": "00000000-0000-4000-8000-000000000002"}, {},
    ]  # fmt: skip
    records = [{**record, "event_key": str(n), **tie} for n, tie in enumerate(tied)]
    assert (await project.ingest.post("/api/usage/batch", json={"records": records})).status_code == 201
    async with asyncio.timeout(10):
        while (spent := (await project.get(path))["spent"])["tokens"] == 0:
            await asyncio.sleep(0.1)
    assert (spent["records"], spent["tokens"], Decimal(spent["cost_usd"])) == (2, 24_900, Decimal("0.0747"))
