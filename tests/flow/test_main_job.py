"""The main job, told as stories: post, fold, find, read."""

import asyncio
import gzip
from typing import Any
from uuid import uuid4

import pytest
import uuid_utils.compat

from tests.conftest import Service


def error(message: str, **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": message, **others}


def assert_sums_are_exact(answer: dict[str, Any]) -> None:
    listed = sum(pattern["count"] for pattern in answer["patterns"]) + answer["other"]["count"]
    assert answer["total"] == listed
    assert answer["total"] == sum(item["count"] for item in answer["by_severity"])
    assert answer["total"] == sum(item["count"] for item in answer["by_service"])
    assert answer["total"] == sum(item["count"] for item in answer["series"])
    assert answer["total"] == sum(item["count"] for item in answer["trends"])


async def test_what_was_posted_is_found_as_patterns(service: Service) -> None:
    project = await service.project()
    await project.send(*[error(f"payment {n} failed: card declined") for n in range(40)])
    await project.send(*[error(f"user {n} not found", service="login", severity="warning") for n in range(10)])
    await service.run_worker()
    answer = await project.get("/api/errors/patterns")
    assert answer["total"] == 50
    assert_sums_are_exact(answer)
    assert [pattern["count"] for pattern in answer["patterns"]] == [40, 10]
    assert answer["by_severity"] == [{"key": "error", "count": 40}, {"key": "warning", "count": 10}]
    assert answer["by_service"] == [{"key": "shop", "count": 40}, {"key": "login", "count": 10}]
    first = answer["patterns"][0]
    assert answer["top_10"][0] == {"id": first["id"], "title": first["title"], "count": 40}
    one = await project.get(f"/api/errors/patterns/{first['id']}")
    assert one["count"] == 40
    assert sum(hour["count"] for hour in one["series"]) == 40
    assert len(one["examples"]) == 20
    assert {example["pattern_id"] for example in one["examples"]} == {first["id"]}
    assert (await project.get("/api/errors/recent", pattern=first["id"], limit=200))["errors"][0]["service"] == "shop"


async def test_the_same_batch_twice_stores_and_counts_nothing_more(service: Service) -> None:
    project = await service.project()
    batch = [error(f"job {n} failed", event_id=str(uuid4())) for n in range(25)]
    assert (await project.send(*batch))["count"] == 25
    await service.run_worker()
    before = await project.get("/api/errors/patterns")
    again = await project.send(*batch)
    assert (again["count"], again["duplicates"]) == (0, 25)
    await service.run_worker()
    after = await project.get("/api/errors/patterns")
    assert (before["total"], after["total"]) == (25, 25)


async def test_a_retry_after_midnight_of_an_error_without_a_time_is_a_duplicate(service: Service) -> None:
    project = await service.project()
    batch = [error("late", event_id=str(uuid4())), error("later", event_id=str(uuid4()))]
    await project.send(*batch)
    await service.execute("UPDATE errors SET day = day - 1, occurred_at = occurred_at - interval '1 day'")
    again = await project.send(*batch)
    assert (again["count"], again["duplicates"]) == (0, 2)


async def test_an_id_twice_in_one_batch_is_stored_once(service: Service) -> None:
    project = await service.project()
    event_id = str(uuid_utils.compat.uuid7())
    answer = await project.send(error("one", event_id=event_id), error("two", event_id=event_id))
    assert (answer["count"], answer["duplicates"]) == (1, 1)
    assert (await project.get(f"/api/errors/{event_id}"))["message"] == "one"


async def test_many_requests_at_once_each_hear_of_their_own_rows(service: Service) -> None:
    project = await service.project()
    shared = str(uuid4())
    batches = [[error(f"b {n}", event_id=str(uuid4())), error("same", event_id=shared)] for n in range(30)]
    answers = await asyncio.gather(*[project.send(*batch) for batch in batches])
    assert sum(answer["count"] for answer in answers) == 31
    assert sum(answer["duplicates"] for answer in answers) == 29
    [[stored]] = await service.execute("SELECT count(*) FROM errors")
    [[counted]] = await service.execute("SELECT sum(count) FROM deltas")
    assert (stored, counted) == (31, 31)


async def test_a_bad_item_is_rejected_alone(service: Service) -> None:
    project = await service.project()
    items = [error("good"), {"service": "shop"}, 7, error("bad", severity="dreadful"), error("bad", colour="red")]
    answer = await project.ingest.post("/api/errors/batch", json={"errors": items})
    assert answer.status_code == 207
    body = answer.json()
    assert (body["status"], body["count"]) == ("partial", 1)
    assert [(item["index"], item["reason"]) for item in body["rejected"]] == [
        (1, "missing_field"),
        (2, "not_an_object"),
        (3, "invalid_field"),
        (4, "unknown_field"),
    ]


async def test_none_storable_is_a_422_that_names_every_place(service: Service) -> None:
    project = await service.project()
    answer = await project.ingest.post("/api/errors/batch", json={"errors": [{"service": "shop"}, {}]})
    assert answer.status_code == 422
    assert [place["pointer"] for place in answer.json()["errors"]] == ["/errors/0/severity", "/errors/1/service"]


@pytest.mark.parametrize(
    "poison",
    [
        b'"a\\u0000b"',
        b'"cut \\ud83d"',
        b'"\xff\xfe"',
        b'"tab\tand\nnewline"',
    ],
)
async def test_poison_in_a_message_is_made_storable_beside_its_neighbours(service: Service, poison: bytes) -> None:
    project = await service.project()
    body = b'{"errors": [%s, {"service": "s", "severity": "error", "message": %s}]}' % (
        b'{"service": "s", "severity": "error", "message": "fine"}',
        poison,
    )
    answer = await project.ingest.post("/api/errors/batch", content=body)
    assert (answer.status_code, answer.json()["count"]) == (201, 2)
    errors = (await project.get("/api/errors/recent"))["errors"]
    assert len(errors) == 2


@pytest.mark.parametrize(
    ("context", "kept"),
    [
        (b'{"a": NaN, "b": 1e400}', {"a": "NaN", "b": "Infinity"}),
        (b'{"a": ' + b"9" * 5_000 + b"}", {"a": "9" * 5_000}),
        (b'{"a\\u0000": 1, "a": 2, "a": 3}', {"a\ufffd": 1, "a": 3}),
    ],
)
async def test_poison_in_the_context_is_made_storable(service: Service, context: bytes, kept: Any) -> None:
    project = await service.project()
    event_id = str(uuid_utils.compat.uuid7())
    body = b'{"service": "s", "severity": "error", "message": "m", "event_id": "%s", "context": %s}'
    answer = await project.ingest.post("/api/errors/log", content=body % (event_id.encode(), context))
    assert answer.status_code == 201
    assert (await project.get(f"/api/errors/{event_id}"))["context"] == kept


async def test_what_the_release_before_stored_and_stores_is_shown_with_its_context_and_tags(service: Service) -> None:
    project = await service.project()
    event_id = str(uuid_utils.compat.uuid7())
    await project.send(error("it failed", event_id=event_id, context={"order": 4711}, tags={"region": "eu"}))
    sent = await project.get(f"/api/errors/{event_id}")
    await service.execute(
        "UPDATE errors SET context = context_text::jsonb, tags = tags_text::jsonb, context_text = NULL, tags_text = NULL"
    )
    assert await project.get(f"/api/errors/{event_id}") == sent
    assert (sent["context"], sent["tags"]) == ({"order": 4711}, {"region": "eu"})


async def test_deep_nesting_is_cut_and_said(service: Service) -> None:
    project = await service.project()
    event_id = str(uuid_utils.compat.uuid7())
    body = b'{"service": "s", "severity": "error", "message": "m", "event_id": "%s", "context": {"a": %s}}'
    for depth in (40, 100_000):
        nested = b"[" * depth + b"]" * depth
        answer = await project.ingest.post("/api/errors/log", content=body % (event_id.encode(), nested))
        assert answer.status_code == 201
    detail = await project.get(f"/api/errors/{event_id}")
    assert detail["adjustments"] == ["truncated"]


async def test_secrets_are_gone_before_they_are_stored(service: Service) -> None:
    project = await service.project()
    event_id = str(uuid_utils.compat.uuid7())
    await project.send(
        error(
            "login failed password=hunter2",
            event_id=event_id,
            stack_trace="dsn postgres://app:hunter2@db/x",
            context={"headers": {"Cookie": "sid=hunter2"}},
            tags={"api_key": "hunter2"},
        )
    )
    [[stored]] = await service.execute("SELECT errors::text FROM errors")
    assert "hunter2" not in stored
    detail = await project.get(f"/api/errors/{event_id}")
    assert detail["redactions"] == 4
    assert detail["adjustments"] == ["redacted"]


async def test_times_out_of_range_are_replaced_and_said(service: Service) -> None:
    project = await service.project()
    answer = await project.send(
        error("old", timestamp="1999-01-01T00:00:00Z"),
        error("ahead", timestamp="9999-12-31T23:59:59-12:00"),
        error("first", timestamp="0001-01-01T00:00:00+12:00"),
        error("without"),
    )
    assert answer["adjusted"] == [{"index": n, "adjustments": ["retimed"]} for n in range(3)]


async def test_ndjson_and_packed_bodies_are_taken(service: Service) -> None:
    project = await service.project()
    lines = b'{"service": "s", "severity": "error", "message": "one"}\n\n{"service": "s"}\n'
    answer = await project.ingest.post(
        "/api/errors/batch",
        content=gzip.compress(lines),
        headers={"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
    )
    assert answer.status_code == 207
    assert answer.json()["count"] == 1
    assert answer.json()["rejected"][0]["index"] == 1


async def test_an_error_that_was_committed_shows_in_recent_within_about_a_second(service: Service) -> None:
    project = await service.project()
    for number in range(3):
        await project.send(error(f"number {number}"))
        async with asyncio.timeout(5):
            while (await project.get("/api/errors/recent"))["errors"][0]["message"] != f"number {number}":
                await asyncio.sleep(0.05)


async def test_with_the_worker_stopped_ingest_and_reads_go_on_and_then_it_catches_up(service: Service) -> None:
    project = await service.project()
    for number in range(3):
        await project.send(*[error(f"order {number}-{n} failed") for n in range(100)])
    assert len((await project.get("/api/errors/recent", limit=200))["errors"]) == 200
    assert (await project.get("/api/errors/patterns"))["total"] == 0
    await service.run_worker()
    answer = await project.get("/api/errors/patterns", window="1h")
    assert answer["total"] == 300
    assert_sums_are_exact(answer)
