"""A kept answer of another release: with less or other than ours it is none, with more it is one."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from common.snapshots.fitting import fits
from common.snapshots.schema import PatternsAnswer
from tests.conftest import Project, Service

FORMS: list[dict[str, str]] = [
    {},
    {"format": "json"},
    {"format": "columnar"},
    {"format": "csv"},
    {"format": "markdown"},
]


def each_without_a_field(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all fields, of the first item of each list."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield (*place, name)
            yield from each_without_a_field(value, (*place, name))
    elif isinstance(document, list) and document:
        yield from each_without_a_field(document[0], (*place, 0))


def without(document: Any, place: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    return changed


async def keep(service: Service, body: bytes) -> None:
    await service.execute("UPDATE snapshots SET body = :body", body=body)
    reads = service.state["reads"]
    await service.tools.cache.redis.flushdb()
    reads.generations.clear()
    for question in list(reads.answer_cache.by_question):
        reads.answer_cache.forget(reads.answer_cache.by_question.pop(question))


@pytest.fixture
async def project(service: Service) -> Project:
    made = await service.project()
    await made.send(
        *[{"service": name, "severity": "error", "message": "order 7 is late"} for name in ("shop", "till")]
    )
    await service.run_worker()
    return made


async def test_a_snapshot_without_any_one_field_is_answered_anew_in_every_form(
    service: Service, project: Project
) -> None:
    whole = await project.get("/api/errors/patterns")
    places = list(each_without_a_field(whole))
    assert len(places) > 40
    for place in places:
        body = json.dumps(without(whole, place)).encode()
        assert not fits(body, PatternsAnswer), place
        await keep(service, body)
        for form in FORMS:
            answer = await project.read.get("/api/errors/patterns", params=form)
            assert answer.status_code == 200, (place, form, answer.text)
        assert (await project.get("/api/errors/patterns")).keys() == whole.keys()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"\xff", b"{", b"[" * 10_000, b'{"patterns": null}'], ids=range(8)
)
async def test_rubbish_is_answered_anew(service: Service, project: Project, body: bytes) -> None:
    whole = await project.get("/api/errors/patterns")
    await keep(service, body)
    for form in FORMS:
        assert (await project.read.get("/api/errors/patterns", params=form)).status_code == 200
    assert (await project.get("/api/errors/patterns"))["patterns"] == whole["patterns"]


async def test_what_a_later_release_adds_is_kept(service: Service, project: Project) -> None:
    whole = await project.get("/api/errors/patterns")
    later = whole | {"added": {"more": 1}}
    later["patterns"][0]["added"] = [1]
    await keep(service, json.dumps(later).encode())
    assert await project.get("/api/errors/patterns") == later
    for form in FORMS:
        assert (await project.read.get("/api/errors/patterns", params=form)).status_code == 200


@pytest.mark.parametrize(("field", "value"), [("patterns", {}), ("total", "many"), ("window", None), ("other", [])])
async def test_a_field_of_another_type_does_not_fit(project: Project, field: str, value: Any) -> None:
    whole = await project.get("/api/errors/patterns")
    assert fits(json.dumps(whole).encode(), PatternsAnswer)
    assert not fits(json.dumps(whole | {field: value}).encode(), PatternsAnswer)


async def test_facts_of_a_trend_in_another_form_are_none(service: Service, project: Project) -> None:
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    await service.execute("""UPDATE patterns SET trend_facts = '{"window": "1h"}'""")
    told = await project.get("/api/errors/patterns", service="shop")
    assert told["patterns"][0]["trend_facts"] is None
    assert (await project.get(f"/api/errors/patterns/{pattern}"))["trend_facts"] is None
