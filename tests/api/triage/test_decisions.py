"""What is decided is kept: the latest decision counts, a note stays, and pins hold what was moved."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.triage.decisions import decide, find_fix, find_members, merge, split, write_note
from tests.conftest import Project, Service


def error(message: str = "disk full", **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": message, **others}


@pytest.fixture
async def project(service: Service) -> Project:
    """One with two patterns of a fingerprint each."""
    made = await service.project()
    await made.send(error(), error(), error("no space left on device", error_type="OSError"))
    await service.run_worker()
    return made


async def run(service: Service, act: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Any:
    """In a transaction of its own."""
    async with service.tools.engine.begin() as connection:
        return await act(connection, *arguments, **named)


async def list_patterns(service: Service) -> list[UUID]:
    """Most errors first."""
    rows = await service.execute("SELECT pattern_id FROM fingerprints ORDER BY count DESC")
    return [row.pattern_id for row in rows]


async def test_members_are_of_one_pattern_of_one_project(service: Service, project: Project) -> None:
    first, second = await list_patterns(service)
    other = await service.project("other")
    assert [one.errors for one in await run(service, find_members, project.id, first)] == [2]
    assert [one.errors for one in await run(service, find_members, project.id, second)] == [1]
    assert await run(service, find_members, other.id, first) == []


async def test_the_latest_decision_counts_whole_and_a_note_stays_until_another_is_written(
    service: Service, project: Project
) -> None:
    pattern = uuid4()
    await run(service, decide, project.id, pattern, "ignored", "key1", until_count=5, until_more=3, note="known")
    await run(service, decide, project.id, pattern, "resolved", "key2")
    [row] = await service.execute("SELECT * FROM decisions")
    assert (row.decision, row.decided_by, row.until_count, row.until_more, row.note) == (
        "resolved",
        "key2",
        None,
        None,
        "known",
    )
    await run(service, write_note, project.id, pattern, "key3", "fixed")
    [row] = await service.execute("SELECT * FROM decisions")
    assert (row.decision, row.decided_by, row.note) == ("resolved", "key2", "fixed")


async def test_a_note_alone_decides_nothing(service: Service, project: Project) -> None:
    await run(service, write_note, project.id, uuid4(), "key1", "look here")
    [row] = await service.execute("SELECT * FROM decisions")
    assert (row.decision, row.note) == ("open", "look here")


async def test_merged_fingerprints_are_pinned_together_and_split_ones_apart(service: Service, project: Project) -> None:
    first, second = await list_patterns(service)
    members = await run(service, find_members, project.id, second)
    both = [*members, *await run(service, find_members, project.id, first)]
    await run(service, merge, project.id, members, first)
    assert await list_pins(service) == {one.fingerprint: first for one in both}
    await run(service, split, project.id, first, both, [members[0].fingerprint])
    pins = await list_pins(service)
    assert pins.pop(members[0].fingerprint) not in (first, second)
    assert set(pins.values()) == {first}


async def list_pins(service: Service) -> dict[int, UUID]:
    return {row.fingerprint: row.pattern_id for row in await service.execute("SELECT * FROM pins")}


async def test_a_fix_knows_the_releases_that_were_counted_and_those_that_were_not_yet(
    service: Service, project: Project
) -> None:
    first, _ = await list_patterns(service)

    async def find(connection: AsyncConnection, fixed_in: str | None = None) -> Any:
        return await find_fix(connection, project.id, await find_members(connection, project.id, first), fixed_in)

    assert await run(service, find) is None
    assert await run(service, find, "1.2") is None  # where no error names one, none could ever tell
    await project.send(error(release="1.0"))
    await service.run_worker()
    await project.send(error("another", release="deadbeef"))
    fix = await run(service, find)
    assert (fix.known_releases, fix.fixed_in, fix.order) == (["1.0", "deadbeef"], None, "semantic")
    fix = await run(service, find, "main")
    assert (fix.fixed_in, fix.order) == ("main", "first_seen")
