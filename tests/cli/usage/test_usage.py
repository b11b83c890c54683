"""`mayday usage import`: what lies in logs and exports is stored once, brought up to date, and said."""

import json
from decimal import Decimal
from pathlib import Path

from tests.cli.conftest import Mayday
from tests.cli.usage.logs import agent_progress, claude_line, claude_noise, codex_log, write_log
from tests.cli.usage.test_exports import LITELLM


def make_home(folder: Path) -> Path:
    """Two messages in snapshots, a subagent in its own file and in its parent's, a session that was resumed in another
    file, two turns of Codex; haiku: 8,000 cached, 1,000 written, 4 plain each."""
    sub = claude_line("msg_3", 50, isSidechain=True, agentId="a7")
    write_log(folder / "claude" / "s-1.jsonl", [
        *claude_noise(), claude_line("msg_1", 1), claude_line("msg_1", 1), claude_line("msg_1", 300),
        claude_line("msg_2", 2, version="1.0.3"), claude_line("msg_2", 100, version="1.0.3"), agent_progress(sub)])  # fmt: skip
    write_log(
        folder / "claude" / "s-1" / "subagents" / "agent-a7.jsonl", [claude_line("msg_3", 1, isSidechain=True), sub]
    )
    write_log(
        folder / "claude" / "s-2.jsonl",
        [claude_line("msg_1", 300, session="s-2"), claude_line("msg_4", 10, session="s-2")],
    )
    write_log(folder / "codex" / "rollout.jsonl", codex_log())
    return folder


# four calls of haiku: 4 x (4 + 800 + 1,250) + 5 x (300 + 100 + 50 + 10); two turns of gpt-5: 13,000 plain, 9,000 cached, 800
USD = Decimal("0.010516") + Decimal("0.025375")


async def test_an_import_has_the_last_of_each_call_and_the_second_time_all_are_duplicates(
    mayday: Mayday, tmp_path: Path
) -> None:
    home = make_home(tmp_path)
    first = json.loads((await mayday.run("usage", "import", str(home), "--json")).stdout)
    assert (first["files"], first["stored"], first["rejected"], first["not_read"]) == (4, 6, 0, [])
    assert Decimal(first["total"]["usd"]) == USD
    rows = await mayday.service.execute("SELECT count(*), sum(cost_usd), sum(output_tokens) FROM usage_records")
    assert tuple(rows[0]) == (6, USD, 1_260)
    [rolled] = await mayday.service.execute("SELECT sum(cost_usd) FROM usage_rollups WHERE minutes = 1440")
    assert rolled[0] == USD
    again = json.loads((await mayday.run("usage", "import", str(home), "--json")).stdout)
    assert (again["stored"], again["duplicates"]) == (0, first["stored"] + first["duplicates"])
    assert again["total"] == first["total"]
    rows = await mayday.service.execute("SELECT count(*), sum(cost_usd) FROM usage_records")
    assert tuple(rows[0]) == (6, USD)


async def test_a_session_that_goes_on_is_brought_up_to_date(mayday: Mayday, tmp_path: Path) -> None:
    log = write_log(tmp_path / "s.jsonl", [claude_line("msg_1", 1)])
    assert (await mayday.run("usage", "import", str(log))).returncode == 0
    write_log(log, [claude_line("msg_1", 1), claude_line("msg_1", 345)])
    assert (await mayday.run("usage", "import", str(log))).returncode == 0
    [row] = await mayday.service.execute("SELECT output_tokens, run FROM usage_records")
    assert tuple(row) == (345, "s-1")


async def test_a_dry_run_sends_nothing_and_what_cannot_be_read_makes_the_exit_1(mayday: Mayday, tmp_path: Path) -> None:
    log = write_log(
        tmp_path / "s.jsonl", [claude_line("msg_1", 5), {"type": "assistant", "message": {"usage": {"x": 1}}}]
    )
    done = await mayday.run("usage", "import", str(log), "--dry-run", "--team", "ops")
    assert done.returncode == 1
    assert "s.jsonl:2" in done.stderr
    header, line = [row.split("\t") for row in done.stdout.splitlines()]
    assert dict(zip(header, line, strict=True)) | {"usd": ""} == {
        "team": "ops", "day": "2026-11-20", "model": "claude-haiku-4-5", "calls": "1", "input": "9004", "cached": "8000",
        "written": "1000", "output": "5", "unpriced": "0", "usd": "",
    }  # fmt: skip
    [[stored]] = await mayday.service.execute("SELECT count(*) FROM usage_records")
    assert stored == 0
    assert (await mayday.run("usage", "import", str(tmp_path / "none.json"))).returncode == 2


async def test_what_a_gateway_reckoned_counts_where_nobody_else_knows_a_price(mayday: Mayday, tmp_path: Path) -> None:
    log = write_log(tmp_path / "spend.jsonl", [LITELLM, {**LITELLM, "request_id": "2", "model": "acme-1"}])
    assert (await mayday.run("usage", "import", str(log))).returncode == 0
    rows = await mayday.service.execute("SELECT cost_usd, priced_by, team FROM usage_records ORDER BY event_key DESC")
    assert [tuple(row) for row in rows] == [
        (Decimal("0.0114"), "catalog", "search"), (Decimal("0.0042"), "reported", "search"),
    ]  # fmt: skip
