"""`mayday patterns`: lines that scripts can go by in a pipe, a numbered table on a terminal, the API's document as JSON."""

import json
from typing import get_args

from api.reads import parameters
from cli.looking import patterns
from cli.looking.patterns import sum_up
from tests.cli.conftest import ERROR, Mayday


def test_the_words_are_those_of_the_api() -> None:
    assert set(get_args(patterns.Window)) == {window.value for window in parameters.Window}
    for ours, its in (
        (patterns.State, parameters.PatternState),
        (patterns.Trend, parameters.PatternTrend),
        (patterns.Order, parameters.PatternOrder),
    ):
        assert get_args(ours) == get_args(its.__value__)


async def test_a_pipe_gets_a_header_and_a_line_for_each_pattern(mayday: Mayday) -> None:
    await mayday.project.send(ERROR, ERROR | {"message": "payment 12 failed: card declined"})
    await mayday.project.send(ERROR | {"service": "cart", "severity": "critical", "message": "no\troute\nto host"})
    await mayday.service.run_worker()
    answer = await mayday.project.get("/api/errors/patterns")
    header, *lines = await mayday.plain("patterns")
    assert header == ["count", "trend", "state", "severity", "services", "last_seen", "title", "id"]
    assert [(line[0], *line[3:5], line[6]) for line in lines] == [
        ("2", "error", "shop 2", "payment <*> failed: card declined"),
        ("1", "critical", "cart 1", answer["patterns"][1]["title"]),
    ]
    assert [(line[5], line[7]) for line in lines] == [(one["last_seen"], one["id"]) for one in answer["patterns"]]
    assert json.loads((await mayday.run("patterns", "--json")).stdout)["patterns"] == answer["patterns"]
    assert len(await mayday.plain("patterns", "--severity", "critical", "--limit", "1", "--order", "new")) == 2


async def test_a_terminal_gets_a_numbered_table_that_fits_it_and_show_takes_its_numbers(mayday: Mayday) -> None:
    await mayday.project.send(ERROR, ERROR | {"severity": "critical", "message": "x" * 500})
    await mayday.service.run_worker()
    shown = await mayday.show("patterns", columns=80)
    assert "\x1b[31merror" in shown
    table, told = shown.rsplit("\n", 2)[:2]
    assert len(table.splitlines()) == 3
    assert "2 errors in 24h" in told
    assert "./mayday show 1" in told
    first = (await mayday.project.get("/api/errors/patterns"))["patterns"][0]["id"]
    assert json.loads((await mayday.run("show", "1", "--json")).stdout)["id"] == first


async def test_where_nothing_fails_that_is_said(mayday: Mayday) -> None:
    await mayday.service.run_worker()
    assert "nothing is failing here" in await mayday.show("patterns")
    assert len(await mayday.plain("patterns")) == 1


def test_what_is_not_listed_is_told() -> None:
    answer = {
        "total": 9_000, "window": "24h", "computed_at": "2026-01-01T00:00:00Z", "patterns": [{}] * 200,
        "other": {"patterns": 50, "count": 60},
    }  # fmt: skip
    assert "9,000 errors in 24h" in sum_up(answer, 20)
    assert "230 more patterns: --limit" in sum_up(answer, 20)
