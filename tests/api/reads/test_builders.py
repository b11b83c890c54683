"""What is asked of Postgres for an answer: of which time, in whose turn, and what is refused before."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.http.problems import Invalid, NotFound
from api.reads.builders import (
    build_error,
    build_error_page,
    build_pattern,
    build_patterns,
    build_recent,
    wanted_of_page,
    whole_time,
)
from api.reads.catalogue import Asked, BuildContext
from api.reads.cursors import write_cursor
from api.reads.parameters import ErrorForm, ErrorPageQuery, ErrorQuery, PatternQuery, PatternsQuery
from common.database.clock import CLOCK
from common.settings import Settings
from tests.conftest import Service

SETTINGS = Settings(retention_days=30, clock_ahead_max_seconds=300)
DAY = timedelta(days=1)


def error(message: str, **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": message, **others}


def context_of(service: Service) -> BuildContext:
    context: BuildContext = service.state["build_context"]
    return context


def test_all_that_is_kept_is_in_whole_days_so_that_a_page_has_the_tag_that_it_had() -> None:
    since, until = whole_time(SETTINGS)
    now = CLOCK.now()
    for edge in (since, until):
        assert (edge.hour, edge.minute, edge.second, edge.microsecond) == (0, 0, 0, 0)
    assert timedelta(days=31) <= now - since < timedelta(days=32)
    assert timedelta(seconds=300) < until - now <= DAY + timedelta(seconds=360)


def test_a_search_is_of_the_last_day_unless_it_says_more_and_no_page_is_of_beyond_what_can_be() -> None:
    def wanted(**params: Any) -> Any:
        return wanted_of_page(ErrorPageQuery.model_validate(params), SETTINGS)

    since, until = whole_time(SETTINGS)
    long_ago, far = "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
    assert (wanted().since, wanted().until) == (since, until)
    assert timedelta(0) <= CLOCK.now() - DAY - wanted(text="x").since < timedelta(minutes=2)
    assert wanted(text="x", since=long_ago).since == datetime(2001, 1, 1, tzinfo=UTC)
    assert wanted(until=far).until == until


async def test_a_page_ends_with_a_cursor_only_where_there_is_more(service: Service) -> None:
    project = await service.project()
    await project.send(*[error(f"payment {number} failed") for number in range(3)])

    async def page(**params: Any) -> dict[str, Any]:
        asked = Asked(project.id, ErrorPageQuery.model_validate(params))
        return dict(json.loads(await build_error_page(context_of(service), asked)))

    assert (await page(limit=3))["next"] is None
    first = await page(limit=2)
    rest = await page(limit=2, cursor=first["next"])
    assert (len(first["errors"]), len(rest["errors"]), rest["next"]) == (2, 1, None)


async def test_a_cursor_of_a_time_that_cannot_be_is_refused(service: Service) -> None:
    project = await service.project()
    query = ErrorPageQuery.model_validate({})
    wanted = wanted_of_page(query, service.settings)
    beyond = write_cursor((CLOCK.now(), UUID(int=1)), query.filter(wanted.since, wanted.until + DAY))
    for cursor in (beyond, "x", ""):
        asked = Asked(project.id, query.model_copy(update={"cursor": cursor}))
        with pytest.raises(Invalid, match="cursor: "):
            await build_error_page(context_of(service), asked)


async def test_only_who_searches_texts_waits_for_a_turn_of_searches(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, context = await service.project(), context_of(service)
    turns = 0
    turn = context.searches.turn

    def note(project_id: UUID) -> Any:
        nonlocal turns
        turns += 1
        return turn(project_id)

    monkeypatch.setattr(context.searches, "turn", note)
    for params, expected in (({}, 0), ({"service": "shop"}, 0), ({"text": "pay"}, 1)):
        await build_error_page(context, Asked(project.id, ErrorPageQuery.model_validate(params)))
        assert turns == expected


async def test_patterns_of_all_errors_are_those_that_are_kept_and_of_some_are_counted_now(service: Service) -> None:
    project = await service.project()
    await project.send(error("disk full"), error("disk full", service="till"))
    await service.run_worker()
    kept = (await service.execute("SELECT body FROM snapshots WHERE window_hours = 24"))[0].body
    await project.send(error("disk full"))

    async def build(**params: Any) -> bytes:
        return await build_patterns(context_of(service), Asked(project.id, PatternsQuery.model_validate(params)))

    assert await build() == bytes(kept)
    assert json.loads(await build(service="till"))["total"] == 1
    await service.execute("DELETE FROM snapshots")
    assert json.loads(await build())["total"] == 2


async def test_what_is_of_another_project_is_not_there(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    await project.send(error("disk full"))
    await service.run_worker()
    [row] = json.loads(await build_recent(context_of(service), Asked(project.id, ErrorQuery())))["errors"]
    event, pattern = UUID(row["id"]), UUID(row["pattern_id"])
    asked = Asked(project.id, ErrorForm(), event)
    assert json.loads(await build_error(context_of(service), asked))["message"] == "disk full"
    with pytest.raises(NotFound, match="no error"):
        await build_error(context_of(service), Asked(other.id, ErrorForm(), event))
    with pytest.raises(NotFound, match="no pattern"):
        await build_pattern(context_of(service), Asked(other.id, PatternQuery(), pattern))
    assert json.loads(await build_recent(context_of(service), Asked(other.id, ErrorQuery())))["errors"] == []
