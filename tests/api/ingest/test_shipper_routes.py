"""What shippers post becomes errors: the exact bodies of those that are common, sent twice, packed, spoilt and too fast."""

import asyncio
import gzip
import json
import struct
import time
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.settings import Settings
from tests.conftest import Service, run_service

AT = "2026-11-23T18:04:05Z"


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


# Body, its type, and the encoding, as each posts by default or by what docs/shippers.md sets.
BODIES: dict[str, tuple[bytes, str]] = {
    "fluent-bit json": (
        json.dumps([{"date": 1795457045.123, "log": "ERROR it failed", "stream": "stderr"}]).encode(),
        "application/json",
    ),
    "fluent-bit json_lines": (lines({"date": 1795457045.1, "log": "ERROR it failed"}), "application/x-ndjson"),
    "fluent-bit json_stream": (
        json.dumps({"date": 1795457045.1, "log": "ERROR it failed"}).encode()
        + json.dumps({"date": 1795457046.1, "log": "INFO it goes well"}).encode(),
        "application/json",
    ),
    "fluentd": (lines({"message": "it failed", "level": "error", "container_name": "/shop"}), "application/x-ndjson"),
    "vector": (
        json.dumps([{"host": "h", "message": "ERROR it failed", "source_type": "file", "timestamp": AT}]).encode(),
        "application/json",
    ),
    "logstash": (
        json.dumps(
            {
                "@timestamp": AT,
                "@version": "1",
                "host": {"name": "h"},
                "message": "it failed",
                "log": {"level": "error"},
            }
        ).encode(),
        "application/json",
    ),
    "logstash json_batch": (
        json.dumps([{"@timestamp": AT, "event": {"original": "ERROR it failed"}, "tags": ["a"]}]).encode(),
        "application/json",
    ),
    "rsyslog": (
        b'{"message":" it failed","fromhost":"h","facility":"user","priority":"err","timereported":"Nov 23 18:04:05"}',
        "application/json",
    ),
    "rsyslog, batch of lines": (
        lines({"message": "it failed", "priority": "err"}, {"message": "it goes well", "priority": "info"}),
        "text/plain",
    ),
    "syslog-ng, its default": (b"2026-11-23T18:04:05+00:00 h shop[7]: ERROR it failed\n", "text/plain"),
    "syslog-ng, format-json": (
        json.dumps({"PROGRAM": "shop", "PRIORITY": "err", "MESSAGE": "it failed", "HOST": "h"}).encode(),
        "application/octet-stream",
    ),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_as_it_is_posted_by_default(service: Service, name: str) -> None:
    body, content_type = BODIES[name]
    project = await service.project()
    answer = await project.ingest.post("/api/logs", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["count"], answer.json()["rejected_count"]) == (200, 1, 0), answer.text
    [error] = (await project.get("/api/errors"))["errors"]
    assert (error["message"].strip(), error["severity"]) == ("it failed", "error")


async def test_what_is_sent_again_is_a_duplicate_and_two_equal_lines_are_two(service: Service) -> None:
    project = await service.project()
    body = lines(*[{"level": "error", "msg": "it failed", "time": AT}] * 2)
    answers = [(await project.ingest.post("/api/logs", content=body)).json() for _ in range(2)]
    assert [(answer["count"], answer["duplicates"]) for answer in answers] == [(2, 0), (0, 2)]


async def test_packed_bodies_of_several_members(service: Service) -> None:
    project = await service.project()
    body = b"".join(gzip.compress(lines({"level": "error", "msg": f"it failed {n}", "time": AT})) for n in range(3))
    answer = await project.ingest.post("/api/logs", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.json()["count"] == 3


async def test_the_request_may_say_what_its_records_do_not(service: Service) -> None:
    project = await service.project()
    asked = {"service": "shop", "environment": "production", "level": "warning", "severity": "critical"}
    body = lines(
        {"message": "it was lost"},
        {"level": "warn", "msg": "it is late", "service": "post"},
        {"level": "info", "msg": "x"},
    )
    answer = await project.ingest.post("/api/logs", params=asked, content=body)
    assert (answer.json()["count"], answer.json()["discarded"]) == (2, {"below_level": 1})
    errors = {error["message"]: error for error in (await project.get("/api/errors"))["errors"]}
    assert (errors["it was lost"]["service"], errors["it was lost"]["severity"]) == ("shop", "critical")
    assert (errors["it is late"]["service"], errors["it is late"]["environment"]) == ("post", "production")


async def test_the_default_of_fluent_bit_is_read_and_sent_again_it_is_a_duplicate(service: Service) -> None:
    project = await service.project()
    at = msgpack.ExtType(0, struct.pack(">II", int(time.time()) - 60, 5))
    events = [
        [[at, {}], {"log": "payment 4711 failed", "level": "error", "kubernetes": {"container_name": "shop"}}],
        [[at, {}], {"log": "it goes on", "level": "info"}],
    ]
    body = gzip.compress(b"".join(map(msgpack.packb, events)))
    headers = {"Content-Type": "application/msgpack", "Content-Encoding": "gzip"}
    answers = [(await project.ingest.post("/api/logs", content=body, headers=headers)).json() for _ in range(2)]
    assert [(one["count"], one["duplicates"], one["discarded"]) for one in answers] == [
        (1, 0, {"below_level": 1}),
        (0, 1, {"below_level": 1}),
    ]
    [error] = (await project.get("/api/errors"))["errors"]
    assert (error["message"], error["service"]) == ("payment 4711 failed", "shop")
    broken = await project.ingest.post("/api/logs", content=b"\x92", headers={"Content-Type": "application/msgpack"})
    assert (broken.status_code, broken.json()["rejected"][0]["reason"]) == (200, "not_msgpack")


async def test_what_syslog_ng_says_in_headers_is_of_its_one_line(service: Service) -> None:
    project = await service.project()
    headers = {"X-Syslog-Program": "shop", "X-Syslog-Level": "crit"}
    await project.ingest.post("/api/logs", content=b"it was lost", headers=headers)
    answer = await project.ingest.post("/api/logs", content=b"it goes well\nit goes on", headers=headers)
    assert answer.json()["discarded"] == {"without_level": 2}
    [error] = (await project.get("/api/errors"))["errors"]
    assert (error["service"], error["severity"], error["message"]) == ("shop", "critical", "it was lost")


async def test_the_level_is_a_setting(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"shipper_level": "critical"})) as service:
        project = await service.project()
        answer = await project.ingest.post("/api/logs", content=lines({"level": "error", "msg": "it failed"}))
        assert answer.json()["discarded"] == {"below_level": 1}


async def test_what_is_no_record_costs_its_neighbours_nothing_and_is_told(service: Service) -> None:
    project = await service.project()
    body = (
        lines({"level": "error", "msg": "one"}) + b'{"level": "error", "msg\n' + lines({"level": "error", "msg": "two"})
    )
    answer = (await project.ingest.post("/api/logs", content=body)).json()
    assert (answer["status"], answer["count"], answer["rejected_count"]) == ("partial", 2, 1)
    [rejected] = answer["rejected"]
    assert rejected["reason"] == "not_json"


async def test_back_pressure_makes_shippers_try_again(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"limit_key_requests": 1})) as service:
        project = await service.project()
        statuses = [await project.ingest.post("/api/logs", content=lines({"msg": "x"})) for _ in range(3)]
        assert statuses[-1].status_code == 429
        assert statuses[-1].headers["Retry-After"]


async def test_a_key_of_another_scope_and_none_may_not(service: Service) -> None:
    project = await service.project()
    assert (await project.read.post("/api/logs", content=b"{}")).status_code == 403
    assert (await (await service.client(None)).post("/api/logs", content=b"{}")).status_code == 401


async def test_of_two_projects_each_sees_its_own(service: Service) -> None:
    one, other = await service.project("one"), await service.project("other")
    body = lines({"level": "error", "msg": "it failed", "time": AT})
    for project in (one, other):
        assert (await project.ingest.post("/api/logs", content=body)).json()["count"] == 1
        assert len((await project.get("/api/errors"))["errors"]) == 1


async def test_no_body_is_answered_500(service: Service) -> None:
    """By hypothesis, in one service: bytes, and what is nearly JSON."""
    project = await service.project()
    bodies: list[bytes] = []

    @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ \nlevror1', max_size=200).map(str.encode))
    def collect(body: bytes) -> None:
        bodies.append(body)

    await asyncio.to_thread(collect)
    for body in bodies:
        answer = await project.ingest.post("/api/logs", content=body)
        assert answer.status_code == 200, body
