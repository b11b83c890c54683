"""What changed is told once to who looks again with the cursor of the last look."""

from datetime import UTC, datetime

import pytest

from api.agents.changes import read_cursor, write_cursor
from api.http.problems import Invalid
from tests.api.agents.asking import failing_shop, refusal, rows_of, use
from tests.conftest import Service


async def test_a_change_is_told_once(service: Service) -> None:
    project = await failing_shop(service)
    first = await use(project.read, "what_changed")
    assert [row["change"] for row in rows_of(first)] == ["new", "new"]
    cursor = first["structuredContent"]["next"]
    assert rows_of(await use(project.read, "what_changed", cursor=cursor)) == []
    await project.send({"service": "mailer", "severity": "error", "message": "550 mailbox is full"})
    await service.run_worker()
    service.age_reads()
    await use(project.read, "what_changed", cursor=cursor)
    second = rows_of(await use(project.read, "what_changed", cursor=cursor))
    assert [(row["change"], row["service"]) for row in second] == [("new", "mailer")]
    assert "cursor" in await refusal(project.read, "what_changed", cursor="forged")


def test_a_cursor_says_a_moment_and_nothing_else_does() -> None:
    moment = datetime(2026, 11, 30, 12, 30, 5, 250_000, UTC)
    assert read_cursor(write_cursor(moment)) == moment
    assert read_cursor(None) is None
    assert read_cursor("tfffffffffff") is not None
    for forged in ("", "t", "T0", "t-1", "tffffffffffff", "t0 ", "t\u0661", "2026-11-30"):
        with pytest.raises(Invalid):
            read_cursor(forged)


async def test_what_came_back_and_what_is_gone_is_told(service: Service) -> None:
    project = await failing_shop(service)
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    await use(project.admin, "decide", pattern=pattern, action="resolve", dry_run=False)
    cursor = (await use(project.read, "what_changed", max_tokens=5_000))["structuredContent"]["next"]
    await project.send(
        {"service": "checkout", "severity": "error", "message": "payment 7 failed: card declined by issuer 1"}
    )
    await service.run_worker()
    service.age_reads()
    await use(project.read, "what_changed", cursor=cursor)
    told = rows_of(await use(project.read, "what_changed", cursor=cursor))
    assert [(row["change"], row["pattern"]) for row in told if row["change"] != "new"] in (
        [("regressed", pattern[-8:])],
        [],
    )
