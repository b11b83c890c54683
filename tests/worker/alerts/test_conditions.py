"""What holds: its beginning, its change and its end are each told once, whoever looks and however often."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import OTHER_PROJECT, PROJECT, scalar
from worker.alerts.conditions import Holding, find_mark, forget, list_holding, turn

ONE, TWO = uuid4(), uuid4()


async def look(engine: AsyncEngine, holding: Mapping[UUID, Holding], **more: Any) -> list[tuple[UUID, str]]:
    async with engine.begin() as connection:
        noted = await turn(connection, PROJECT, "pattern", "trend", holding, **more)
    return [(one.subject_id, one.name) for one in noted]


async def test_a_beginning_and_an_end_are_told_once(engine: AsyncEngine) -> None:
    spiking = {ONE: Holding("spiking", "spiking", {"title": "t"})}
    assert await look(engine, spiking) == [(ONE, "spiking")]
    assert await look(engine, spiking) == []
    assert await look(engine, {}) == [(ONE, "over")]
    assert await look(engine, {}) == []
    assert await look(engine, spiking) == [(ONE, "spiking")]


async def test_another_mark_is_a_change_unless_it_is_said_to_be_none(engine: AsyncEngine) -> None:
    await look(engine, {ONE: Holding("rising", "rising")})
    assert await look(engine, {ONE: Holding("spiking", "spiking")}) == [(ONE, "spiking")]
    assert await look(engine, {ONE: Holding("rising", "rising")}, name_change=lambda _before, _now: None) == []
    async with engine.connect() as connection:
        assert await find_mark(connection, PROJECT, "pattern", ONE, "trend") == "spiking"
        assert await find_mark(connection, OTHER_PROJECT, "pattern", ONE, "trend") is None


async def test_an_end_says_what_ended_and_since_when_it_held(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await turn(connection, PROJECT, "pattern", "many 1 2", {ONE: Holding("many", facts={"title": "t"})})
    async with engine.begin() as connection:
        [over] = await turn(connection, PROJECT, "pattern", "many 1 2", {})
    assert (over.facts["of"], over.facts["title"]) == ("many", "t")
    assert "since" in over.facts


async def test_only_those_that_were_judged_may_end(engine: AsyncEngine) -> None:
    await look(engine, {ONE: Holding("spiking"), TWO: Holding("spiking")})
    assert await look(engine, {}, among=[ONE]) == [(ONE, "over")]
    assert await look(engine, {}, ends=False) == []
    assert await scalar(engine, "SELECT count(*) FROM conditions") == 0


async def test_what_nobody_judges_is_forgotten_without_a_word(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for name in ("many a", "many b", "trend"):
            await turn(connection, PROJECT, "pattern", name, {ONE: Holding("x")})
        await forget(connection, PROJECT, "many ", ["many b"])
        assert await list_holding(connection, PROJECT, "pattern", "many a") == []
        assert len(await list_holding(connection, PROJECT, "pattern", "many b")) == 1
        assert len(await list_holding(connection, PROJECT, "pattern", "trend")) == 1
