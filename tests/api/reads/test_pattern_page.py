"""The page of a pattern: what varies in it, what was spent on it and its errors, each counted once."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.reads.builders import whole_time
from api.reads.pattern_page import EXAMPLES, Page, add_latest, add_up, read_page
from api.reads.queries import Filter
from common.database.clock import CLOCK
from tests.conftest import Project, Service


def error(message: str = "disk full", **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": message, **others}


async def read(service: Service, project_id: UUID, pattern_id: UUID) -> Page | None:
    start = CLOCK.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=24)
    async with service.tools.engine.connect() as connection:
        return await read_page(connection, project_id, pattern_id, start, Filter(*whole_time(service.settings)))


@pytest.fixture
async def made(service: Service) -> tuple[Project, UUID, str]:
    """A project, its one pattern, and the id of an error of that."""
    project = await service.project()
    await project.send(error(), error(service="till", release="1.1"), error(release="1.0", environment="live"))
    await service.run_worker()
    [row, *_] = (await project.get("/api/errors/recent"))["errors"]
    return project, UUID(row["pattern_id"]), row["id"]


async def test_a_page_tells_its_pattern_of_its_project_alone(service: Service, made: tuple[Project, UUID, str]) -> None:
    project, pattern, _ = made
    page = await read(service, project.id, pattern)
    assert page is not None
    assert (page.facts.title, sum(count.errors for count in page.counts)) == ("disk full", 3)
    assert ([member.errors for member in page.members], len(page.examples)) == ([3], 3)
    assert sorted(release or "" for release in page.releases) == ["", "1.0", "1.1"]
    assert await read(service, project.id, uuid4()) is None
    assert await read(service, (await service.project("other")).id, pattern) is None


async def test_usage_that_names_the_pattern_or_one_of_its_errors_is_spent_on_it_once(
    service: Service, made: tuple[Project, UUID, str]
) -> None:
    project, pattern, event = made
    names: Sequence[dict[str, str]] = (
        {"pattern_id": str(pattern)},
        {"event_id": event},
        {"pattern_id": str(pattern), "event_id": event},
        {"pattern_id": str(uuid4()), "event_id": event},
        {"event_id": str(uuid4())},
        {},
    )
    records = [
        {"event_key": str(number), "team": "a", "model": "acme-1", "total_tokens": 10**number,
         "occurred_at": CLOCK.now().isoformat(), **named}
        for number, named in enumerate(names)
    ]  # fmt: skip
    answer = await project.ingest.post("/api/usage/batch", json={"records": records})
    assert answer.status_code == 201, answer.text
    page = await read(service, project.id, pattern)
    assert page is not None
    assert tuple(page.spent) == (3, 111, None, 111)


async def test_the_id_of_a_pattern_that_moved_leads_to_the_page_of_the_other(
    service: Service, made: tuple[Project, UUID, str]
) -> None:
    project, pattern, _ = made
    gone = uuid4()
    await service.execute(
        "INSERT INTO pattern_moves (project_id, pattern_id, moved_to, moved_at) VALUES (:project, :gone, :there, now())",
        project=project.id, gone=gone, there=pattern,
    )  # fmt: skip
    page = await read(service, project.id, gone)
    assert page is not None
    assert page.pattern_id == pattern


def test_older_errors_come_behind_and_no_more_are_shown_than_a_list_has() -> None:
    newest: list[Any] = [SimpleNamespace(message=f"new {n}", release=None) for n in range(EXAMPLES - 1)]
    older: list[Any] = [SimpleNamespace(message=f"old {n}", release="1.0") for n in range(5)]
    messages = [row.message for row in newest]
    page = Page(UUID(int=1), older[0], [], [], (), messages, [None] * len(newest), newest)
    longer = add_latest(page, older)
    assert longer.messages == [*messages, *(row.message for row in older)]
    assert len(longer.releases) == len(longer.messages)
    assert longer.examples == [*newest, older[0]]


def test_counts_of_one_key_are_one_sum() -> None:
    assert add_up([("a", 1), ("b", 2), ("a", 3)]) == {"a": 4, "b": 2}
