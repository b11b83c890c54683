"""From outside: what is stored and told of an item is the same alone and in any company, and names never become others."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.conftest import Project, Service

NEIGHBOURS = {
    "bad": b'{"service":7}',
    "with a NUL": b'{"service":"s","severity":"error","message":"\\u0000"}',
    "with half a pair": b'{"service":"s","severity":"error","message":"\\ud83d"}',
    "not UTF-8": b'{"service":"s","severity":"error","message":"\xff"}',
    "no JSON": b'{"service":nope}',
    "deep": b'{"a":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
}
PLAIN = b'{"service":"s","severity":"error","message":"plain"}'
MADE_UP = {"id", "received_at"}
ITEM = (
    b'{"context":%s,"environment":"e","error_type":"E","event_id":"0192f0c0-0000-4000-8000-%012d","fingerprint":"f",'
    b'"message":"%s","release":"r","service":"shop","severity":"error","stack_trace":"%s","tags":{"a":"b"},'
    b'"timestamp":"%s"}'
)


def flat(keys: int) -> bytes:
    return json.dumps({f"k{number}": number for number in range(keys)}).encode()


def deep(levels: int) -> bytes:
    return b'{"d":' * levels + b"1" + b"}" * levels


CASES = {
    "plain": (b'{"a":1.10}', b"m", b"t"),
    "999 keys": (flat(999), b"m", b"t"),
    "1,000 keys": (flat(1_000), b"m", b"t"),
    "1,001 keys": (flat(1_001), b"m", b"t"),
    "1,000 keys and a NUL": (flat(1_000), b"m\\u0000", b"t"),
    "1,001 keys and a NUL": (flat(1_001), b"m", b"t\\u0000"),
    "keys in keys": (b'{"a":' + flat(999) + b"}", b"m", b"t"),
    "32 levels": (deep(32), b"m", b"t"),
    "33 levels": (deep(33), b"m", b"t"),
    "200 levels": (deep(200), b"m", b"t"),
    "300 digits": (b'{"a":%s}' % (b"9" * 300), b"m", b"t"),
    "301 digits": (b'{"a":%s}' % (b"9" * 301), b"m", b"t"),
    "5,000 digits": (b'{"a":%s}' % (b"9" * 5_000), b"m", b"t"),
    "299 digits and an exponent": (b'{"a":%se99}' % (b"9" * 299), b"m", b"t"),
    "not a number": (b'{"a":NaN,"b":1e400}', b"m", b"t"),
    "a long message": (b"{}", b"m" * 9_000, b"t"),
    "a NUL in a key": (b'{"a\\u0000":1}', b"m", b"t"),
}


async def send(project: Project, body: bytes, *, path: str = "batch", lines: bool = False) -> httpx.Response:
    headers = {"Content-Type": "application/x-ndjson" if lines else "application/json"}
    answer = await project.ingest.post(f"/api/errors/{path}", content=body, headers=headers)
    assert answer.status_code in (201, 207), answer.text[:300]
    return answer


def adjusted_at(answer: httpx.Response, place: int) -> list[str]:
    told = {item["index"]: item["adjustments"] for item in answer.json()["adjusted"]}
    return list(told.get(place, []))


@pytest.mark.parametrize("case", CASES)
async def test_an_error_is_stored_and_told_alike_in_any_company(service: Service, case: str) -> None:
    project = await service.project()
    context, message, trace = CASES[case]
    timestamp = datetime.now(UTC).isoformat().encode()

    def item(number: int) -> bytes:
        return ITEM % (context, number, message, trace, timestamp)

    told = [(await send(project, item(0), path="log")).json()["adjustments"]]
    for number, neighbour in enumerate([PLAIN, *NEIGHBOURS.values()], 1):
        beside = [PLAIN, neighbour, item(2 * number)]
        told.append(adjusted_at(await send(project, b'{"errors":[%s]}' % b",".join(beside)), 2))
        lines = b"\n".join([PLAIN, neighbour, item(2 * number + 1)])
        told.append(adjusted_at(await send(project, lines, lines=True), 2))
    stored = []
    for number in [0, *range(2, 2 * len(NEIGHBOURS) + 4)]:
        detail = await project.get(f"/api/errors/0192f0c0-0000-4000-8000-{number:012d}")
        stored.append({name: value for name, value in detail.items() if name not in MADE_UP})
    assert stored == [stored[0]] * len(stored)
    assert told == [told[0]] * len(told) == [stored[0]["adjustments"]] * len(told)


async def test_a_retry_beside_a_bad_neighbour_is_a_duplicate(service: Service) -> None:
    project = await service.project()
    item = ITEM % (flat(1_000), 1, b"m", b"t", datetime.now(UTC).isoformat().encode())
    for _ in range(3):
        await send(project, b'{"errors":[%s,{"service":7}]}' % item)
    await send(project, item, path="log")
    [[rows]] = await service.execute("SELECT count(*) FROM errors")
    assert rows == 1


async def test_what_is_written_otherwise_is_stored_and_told(service: Service) -> None:
    project = await service.project()
    sent: dict[str, Any] = {
        "service": "s",
        "severity": "WARN",
        "message": "m",
        "release": "",
        "tags": {"a": 7, "b": True},
    }
    answer = await project.ingest.post("/api/errors/batch", json={"errors": [sent]})
    assert answer.status_code == 201
    assert answer.json()["adjusted"] == [{"index": 0, "adjustments": ["normalized"]}]
    [shown] = (await project.get("/api/errors/recent"))["errors"]
    detail = await project.get(f"/api/errors/{shown['id']}")
    assert (detail["severity"], detail["release"], detail["tags"]) == ("warning", None, {"a": "7", "b": "true"})
    assert detail["adjustments"] == ["normalized"]


SPOILT = [b"k\\u0000", b"k\\ud800", b"k\xff"]


async def test_keys_of_records_that_differ_are_never_one(service: Service) -> None:
    project = await service.project()
    record = b'{"event_key":"%s","team":"t","model":"m","occurred_at":"2026-02-03T10:00:00Z","total_tokens":5}'
    keys = [b"k", "k\ufffd".encode(), b" k", b"k ", b"K", *SPOILT]
    body = b'{"records":[%s]}' % b",".join(record % key for key in keys)
    answer = await project.ingest.post("/api/usage/batch", content=body)
    assert (answer.status_code, answer.json()["count"]) == (207, 5)
    assert [item["index"] for item in answer.json()["rejected"]] == [5, 6, 7]
    assert all(item["detail"].startswith("event_key: ") for item in answer.json()["rejected"])
    [[records]] = await service.execute("SELECT count(*) FROM usage_records")
    assert records == 5


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_names_of_deliverables_prices_and_budgets_are_never_cleaned(service: Service, spoilt: bytes) -> None:
    project = await service.project()
    bodies = {
        "/api/deliverables": b'{"ref":"%s","team":"t","kind":"k","completed_at":"2026-02-03T10:00:00Z"}',
        "/api/prices/overrides": b'{"model":"%s","input":"1","output":"1","starts_at":"2026-02-03T10:00:00Z","confirm":true}',
        "/api/budgets": b'{"name":"b","scope":"team","scope_value":"%s","metric":"tokens","limit":10,"period":"month"}',
    }
    for path, body in bodies.items():
        answer = await project.admin.post(path, content=body % spoilt, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), (path, answer.status_code, answer.text)
