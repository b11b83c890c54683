"""Hostile input: alone and at the first, middle and last place of a batch, nothing breaks, and its neighbours go on.

Afterwards every read is valid JSON.
"""

import json
from typing import Any

import pytest

from tests.conftest import Project, Service

GOOD = b'{"service":"s","severity":"error","message":"good"}'
HUNDRED = 100


def item(message: bytes = b'"m"', context: bytes = b"{}", timestamp: bytes = b"null") -> bytes:
    template = b'{"service":"s","severity":"error","message":%s,"context":%s,"timestamp":%s}'
    return template % (message, context, timestamp)


STORABLE = {
    "nul": item(b'"a\\u0000b"'),
    "lone surrogate": item(b'"\\ud83d"'),
    "not a number": item(context=b'{"a":NaN,"b":-Infinity}'),
    "infinite number": item(context=b'{"a":1e400}'),
    "5,000 digits": item(context=b'{"a":' + b"9" * 5_000 + b"}"),
    "4,000 digits": item(context=b'{"a":' + b"9" * 4_000 + b"}"),
    "400 digits and a point": item(context=b'{"a":1' + b"0" * 400 + b".5}"),
    "bad UTF-8": item(b'"\xff\xfe\xfa"'),
    "keys twice": item(context=b'{"a":1,"a":2}'),
    "depth 33": item(context=b'{"a":' + b"[" * 33 + b"]" * 33 + b"}"),
    "depth 200": item(context=b'{"a":' + b"[" * 200 + b"]" * 200 + b"}"),
    "depth 200,000": item(context=b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "objects 5,000 deep": item(context=b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
    "100,000 keys": item(context=b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}"),
    "control characters": item(b'"a\x01\x02\x1b[31m"'),
    "a message of 2 MB": item(b'"' + b"x" * 2_000_000 + b'"'),
    "year 1": item(timestamp=b'"0001-01-01T00:00:00Z"'),
    "year 9999": item(timestamp=b'"9999-12-31T23:59:59Z"'),
    "before 1970": item(timestamp=b'"1969-12-31T23:59:59Z"'),
    "a script": item(b'"<script>alert(1)</script>"'),
    "keys of poison": item(context=b'{"a\\u0000":{"\\ud800":1}}'),
    "minus zero": item(context=b'{"a":-0.0,"b":1E+2}'),
}
REFUSED = {
    "a list": b"[1,2]",
    "a number": b"12",
    "a text": b'"x"',
    "null": b"null",
    "a time that is none": item(timestamp=b'"yesterday"'),
    "a time out of the world": item(timestamp=b"1e30"),
    "seconds since 1970": item(timestamp=b"1764000000"),
    "milliseconds since 1970, as text": item(timestamp=b'"1764000000000"'),
    "the number 0 as a time": item(timestamp=b"0"),
    "a name of 5,000 letters": b'{"service":"' + b"s" * 5_000 + b'","severity":"error","message":"m"}',
}


async def post_at(project: Project, poison: bytes, place: int) -> dict[str, Any]:
    items = [GOOD] * HUNDRED
    items[place] = poison
    answer = await project.ingest.post("/api/errors/batch", content=b'{"errors":[' + b",".join(items) + b"]}")
    assert answer.status_code in (201, 207), answer.text[:500]
    return dict(answer.json())


@pytest.mark.parametrize("name", STORABLE)
async def test_poison_is_stored_cleaned_and_read_back(service: Service, name: str) -> None:
    project = await service.project()
    alone = await project.ingest.post("/api/errors/log", content=STORABLE[name])
    assert alone.status_code == 201, alone.text[:500]
    for place in (0, HUNDRED // 2, HUNDRED - 1):
        assert (await post_at(project, STORABLE[name], place))["count"] == HUNDRED
    await service.run_worker()
    await assert_reads_are_valid(project, alone.json()["id"])


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_an_error_is_refused_alone(service: Service, name: str) -> None:
    project = await service.project()
    alone = await project.ingest.post("/api/errors/log", content=REFUSED[name])
    assert alone.status_code == 422
    for place in (0, HUNDRED // 2, HUNDRED - 1):
        answer = await post_at(project, REFUSED[name], place)
        assert answer["count"] == HUNDRED - 1
        assert [rejected["index"] for rejected in answer["rejected"]] == [place]


async def assert_reads_are_valid(project: Project, event_id: str) -> None:
    patterns = (await project.get("/api/errors/patterns"))["patterns"]
    paths = ["/api/errors/recent?limit=200", "/api/errors?limit=200", f"/api/errors/{event_id}"]
    for path in [*paths, "/api/errors/patterns", *[f"/api/errors/patterns/{pattern['id']}" for pattern in patterns]]:
        answer = await project.read.get(path)
        assert answer.status_code == 200, path
        json.loads(answer.content, parse_constant=pytest.fail)
        for form in ("columnar", "csv", "markdown"):
            answer = await project.read.get(path, params={"format": form})
            assert answer.status_code == 200, (path, form)
            assert "\x00" not in answer.text


async def test_a_body_that_ends_too_early_is_a_422(service: Service) -> None:
    project = await service.project()
    for body in (b'{"errors":[' + GOOD, b"", b"{", b'{"errors":"x"}', b"[]", b'{"errors":[],"more":1}'):
        answer = await project.ingest.post("/api/errors/batch", content=body)
        assert answer.status_code == 422, body


async def test_a_whole_body_in_another_unicode_encoding_is_read(service: Service) -> None:
    project = await service.project()
    body = json.dumps({"errors": [{"service": "s", "severity": "error", "message": "ü"}]}, ensure_ascii=False)
    for encoding in ("utf-8-sig", "utf-16", "utf-32-le"):
        answer = await project.ingest.post("/api/errors/batch", content=body.encode(encoding))
        assert (answer.status_code, answer.json()["count"]) == (201, 1)
