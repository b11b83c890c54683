"""One error means the same by every way in: alone, in a batch, in bad company, as a line, with a byte order mark, indented."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.conftest import Project, Service

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
DAY = NOW.date().isoformat()
TIMES = [
    NOW.isoformat(), NOW.isoformat().replace("+00:00", "Z"), NOW.isoformat().replace("+00:00", "z"), f"{DAY}T00:30:00.123456789Z",
    f"{DAY} 00:30:00Z", f"{DAY}t00:30:00Z", f"{DAY}T00:30Z", f"{DAY}T00:30:00,5Z", f"{DAY}T00:30:00", f"{DAY}T00:30:00+0000",
    f"{DAY}T00:30:00+00", f"{DAY}T00:30:00+25:00", f"{DAY}T24:00:00Z", f"{DAY}T23:59:60Z", f"{DAY}", f"{DAY}T00:30:00-00:00",
    str(int(NOW.timestamp())), "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", " ", "now", "null", "1e400",
    f" {DAY}T00:30:00Z", f"{DAY}T00:30:00Z ", f"{DAY}T00:30:00.Z", f"{DAY}T00:30:00\u2003Z", "\uff12026-01-01T00:00:00Z",
]  # fmt: skip
RAW_TIMES = [
    b"%d" % int(NOW.timestamp()), b"%d" % int(NOW.timestamp() * 1000), b"%d.5" % int(NOW.timestamp()), b"1.7644e9", b"-1",
    b"1e400", b"null", b"true", b"[]", b"{}", b"NaN", b"9" * 400, b"0",
]  # fmt: skip
SEVERITIES = [
    "ERROR",
    "Warn",
    " error ",
    "fatal",
    "err",
    "",
    "emerg",
    "\u0130nfo",
    "error\0",
    "\ud800",
    "\uff45rror",
    "40",
    "notice",
]
RAW = [
    b"null",
    b"true",
    b"7",
    b"1.50",
    b"1e3",
    b"-0",
    b"[]",
    b"{}",
    b'[""]',
    b'""',
    b'" "',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"x"',
]
IDS = [
    "0192F0C0-0000-4000-8000-%012d", "{0192f0c0-0000-4000-8000-%012d}", "urn:uuid:0192f0c0-0000-4000-8000-%012d",
    "0192f0c000004000800%013d", "0192f0c0-0000-4000-8000-%011d", " 0192f0c0-0000-4000-8000-%012d", "%d", "", "null",
]  # fmt: skip
BASE: dict[str, bytes] = {"service": b'"shop"', "severity": b'"error"', "message": b'"disk full"'}


def item(number: int, **fields: bytes) -> bytes:
    named = BASE | {"event_id": b'"0192f0c0-0000-4000-8000-%012d"' % number} | fields
    return b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), value) for name, value in named.items())


def text(value: str) -> bytes:
    return json.dumps(value).encode()


def make_items() -> list[bytes]:
    changes: list[dict[str, bytes]] = [{"timestamp": text(time)} for time in TIMES]
    changes += [{"timestamp": raw} for raw in RAW_TIMES]
    changes += [{"severity": text(word)} for word in SEVERITIES]
    changes += [
        {name: raw}
        for name in ("service", "severity", "message", "error_type", "environment", "release", "fingerprint", "stack_trace",
                     "context", "tags", "event_id")
        for raw in RAW
    ]  # fmt: skip
    changes += [{"tags": b'{"a":%s}' % raw} for raw in RAW] + [{"context": b'{"a":%s}' % raw} for raw in RAW]
    changes += [
        {"tags": b'{"a":1,"a":"b","A":null}'},
        {"context": b'{"a":1,"a":{"b":[1]}}'},
        {"sev\\u0065rity": b'"info"'},
    ]
    changes += [
        {"message": b'"a","message":"b"'},
        {"service": b'"a","service":7'},
        {"severity": b'7,"severity":"info"'},
    ]
    changes += [{"timestamp": b'"x","timestamp":"%s"' % NOW.isoformat().encode()}, {"unknown": b"[1,{}]"}, {"": b"1"}]
    changes += [{"message": b'"' + b"m" * 70_000 + b'"'}, {"stack_trace": b'"' + b"s" * 300_000 + b'"'}]
    changes += [{"message": b'"password=hunter2 \\u0070assword=hunter3 p\\u0061ssword: hunter4"'}]
    made = [item(number, **change) for number, change in enumerate(changes)]
    offset = len(made)
    made += [
        item(offset + n, event_id=text(shape % (offset + n) if "%" in shape else shape)) for n, shape in enumerate(IDS)
    ]
    return made


ITEMS = make_items()
BAD = b'{"service":7}'
ROTTEN = b'{"service":"s","severity":"error","message":"\xff\\ud800"}'


async def post(project: Project, path: str, body: bytes, kind: str = "application/json") -> Any:
    answer = await project.ingest.post(f"/api/errors/{path}", content=body, headers={"Content-Type": kind})
    assert answer.status_code in (200, 201, 207, 422), (answer.status_code, answer.text[:300], body[:200])
    return answer.json()


def told(answer: dict[str, Any], place: int) -> Any:
    """What a batch says of one item: why it was refused, or how it was adjusted."""
    for one in answer.get("rejected", ()):
        if one["index"] == place:
            return "rejected", one["reason"]
    for one in answer.get("errors", ()):  # where none of a request can be stored
        if str(place) in one["pointer"].split("/")[1:3]:
            return "rejected", one["reason"]
    assert "count" in answer, answer
    adjusted = {one["index"]: sorted(one["adjustments"]) for one in answer.get("adjusted", ())}
    return "stored", adjusted.get(place, [])


async def read(project: Project, service: Service) -> dict[UUID, Any]:
    """What is stored of the errors that came with an id."""
    rows = await service.execute(
        "SELECT event_id, service, severity, message, error_type, environment, release, stack_trace, context, tags,"
        " fingerprint, adjustments, CASE WHEN occurred_at < now() - interval '1 hour' THEN occurred_at END"
        " FROM errors WHERE project_id = :id ORDER BY event_id",
        id=project.id,
    )
    return {row[0]: tuple(row) for row in rows if str(row[0]).startswith("0192f0c0")}


async def send_each(project: Project, way: str) -> list[Any]:
    said = []
    for one in ITEMS:
        if way == "alone":
            said.append(told(await post(project, "batch", b'{"errors":[%s]}' % one), 0))
        elif way == "bad company":
            said.append(told(await post(project, "batch", b'{"errors":[%s,%s]}' % (BAD, one)), 1))
        elif way == "rotten company":
            said.append(told(await post(project, "batch", b'{"errors":[%s,%s,%s]}' % (ROTTEN, one, BAD)), 1))
        elif way == "single":
            answer = await post(project, "log", one)
            refused = [problem["reason"] for problem in answer.get("errors", ())]
            said.append(("rejected", refused[0]) if refused else ("stored", sorted(answer.get("adjustments", []))))
        elif way == "line":
            said.append(told(await post(project, "batch", one + b"\n", "application/x-ndjson"), 0))
        elif way == "line in company":
            body = b"\xef\xbb\xbf" + BAD + b"\r\n\r\n  " + one + b"  \r\n" + b"nope\n"
            said.append(told(await post(project, "batch", body, "application/x-ndjson"), 1))
        else:
            body = b"\xef\xbb\xbf \n" + b'{ "errors" :\t[\n %s \n] }\n' % one
            said.append(told(await post(project, "batch", body), 0))
    return said


WAYS = ["alone", "single", "bad company", "rotten company", "line", "line in company", "indented"]


async def test_one_item_is_told_and_stored_alike_by_every_way_in(service: Service) -> None:
    found: dict[str, list[Any]] = {}
    stored: dict[str, dict[UUID, Any]] = {}
    for way in WAYS:
        project = await service.project(way)
        found[way] = await send_each(project, way)
        stored[way] = await read(project, service)
    problems = [
        (way, ITEMS[place][:160], found["alone"][place], said)
        for way in WAYS
        for place, said in enumerate(found[way])
        if said != found["alone"][place]
    ]
    assert not problems, "\n".join(map(str, problems[:12]))
    known = stored["alone"]
    for way in WAYS[1:]:
        rows = stored[way]
        assert rows.keys() == known.keys(), way
        differing = [
            (way, ident, [pair for pair in zip(rows[ident], known[ident], strict=True) if pair[0] != pair[1]])
            for ident in known
            if rows[ident] != known[ident]
        ]
        assert not differing, "\n".join(map(str, differing[:12]))[:3_000]
