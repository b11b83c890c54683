"""Events through the routes of Sentry's protocol: every body is answered by it, what was taken is stored once, and what a
sender loses is known."""

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import brotli
import httpx
import pytest

from common.compression import zstd
from common.settings import Settings
from common.telemetry import metrics
from tests.api.access.test_dsn import dsn_key, number_of
from tests.api.ingest.receivers.sentry.test_envelope import RIGHT, WRONG
from tests.conftest import Project, Service, run_service

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
FRAMES = {"frames": [{"function": "pay", "module": "shop", "abs_path": "/app/shop.py", "lineno": 3}]}
EVENT: dict[str, Any] = {
    "event_id": ID,
    "platform": "python",
    "exception": {"values": [{"type": "CardDeclined", "value": "card of order 17", "stacktrace": FRAMES}]},
    "tags": {"region": "eu"},
    "extra": {"cart": [1, 2]},
}
BODY = json.dumps(EVENT).encode()
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def envelope(*items: tuple[str, bytes], **header: Any) -> bytes:
    lines = [json.dumps(header).encode()]
    for kind, payload in items:
        lines += [json.dumps({"type": kind, "length": len(payload)}).encode(), payload]
    return b"\n".join(lines)


class Sender:
    """What an SDK is to a project: a client that posts with the key of its DSN."""

    def __init__(self, service: Service, project: Project, client: httpx.AsyncClient, number: int) -> None:
        self.service, self.project, self.client, self.number = service, project, client, number

    async def send(self, body: Any, route: str = "envelope", **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/{self.number}/{route}/", content=body, headers=headers)

    async def stored(self) -> list[dict[str, Any]]:
        return list((await self.project.get("/api/errors"))["errors"])

    async def losses(self) -> dict[tuple[str, str], int]:
        await self.service.state["losses"].write()
        told = (await self.project.admin.get("/api/status")).json()["project"]["sender_losses"]
        return {(one["reason"], one["category"]): one["count"] for one in told}


async def sender_of(service: Service) -> Sender:
    project = await service.project()
    client = await service.client(None)
    client.headers["X-Sentry-Auth"] = f"Sentry sentry_version=7, sentry_key={dsn_key(project)}"
    return Sender(service, project, client, await number_of(service, project))


@pytest.fixture
async def sender(service: Service) -> Sender:
    return await sender_of(service)


def discarded(what: str) -> float:
    return float(metrics.DISCARDED.of("sentry", what)._value.get())


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("content_type", ["application/x-sentry-envelope", "text/plain;charset=UTF-8", "odd", ""])
async def test_any_type_and_every_coding_is_taken(sender: Sender, coding: str, content_type: str) -> None:
    headers = {"Content-Type": content_type} | ({"Content-Encoding": coding} if coding else {})
    answer = await sender.send(CODINGS[coding](envelope(("event", BODY), event_id=ID)), **headers)
    assert (answer.status_code, answer.json()) == (200, {"id": ID})
    [error] = await sender.stored()
    assert (error["id"], error["error_type"]) == (str(UUID(ID)), "CardDeclined")


async def test_a_body_in_chunks_is_taken(sender: Sender) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for sign in envelope(("event", BODY)).decode():
            yield sign.encode()

    assert (await sender.send(pieces())).status_code == 200
    assert len(await sender.stored()) == 1


@pytest.mark.parametrize("name", RIGHT)
async def test_every_right_framing_is_answered_200(sender: Sender, name: str) -> None:
    answer = await sender.send(RIGHT[name][0])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", WRONG)
async def test_every_wrong_framing_is_answered_400_with_a_reason_and_neighbours_go_on(
    sender: Sender, name: str
) -> None:
    answer = await sender.send(WRONG[name])
    assert (answer.status_code, answer.json()["detail"]) == (400, answer.headers["X-Sentry-Error"])
    assert (await sender.send(envelope(("event", BODY)))).status_code == 200


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (BODY[:-40], 400),
        (b"", 400),
        (b"[]", 400),
        (b"7", 400),
        (b"null", 400),
        (b"\xff\xfe", 400),
        (b"{}", 200),
        (b'{"message": NaN}', 200),
        (b'{"extra": {"a": Infinity, "b": -Infinity, "c": 1e999}}', 200),
        (b'{"message": "half \\ud83d a pair, a \\u0000 NUL"}', 200),
        (b'{"message": "broken \xff UTF-8"}', 200),
        (b'{"message": "m", "extra": ' + b"[" * 3_000 + b"]" * 3_000 + b"}", 200),
        (b'{"message": "m", "extra": [' + b"[]," * 300_000 + b"[]]}", 200),
        (b'{"message": "m", "exception": ' + b'{"values":' * 900 + b"1" + b"}" * 900 + b"}", 200),
        (b'{"message": "' + b"x" * 3_000_000 + b'"}', 200),
    ],
)
async def test_no_event_is_answered_otherwise_than_by_the_protocol(sender: Sender, payload: bytes, status: int) -> None:
    for answer in (await sender.send(envelope(("event", payload))), await sender.send(payload, "store")):
        assert answer.status_code == status, answer.text
    assert len(await sender.stored()) == (2 if status == 200 else 0)


async def test_a_bad_event_costs_its_neighbours_nothing(sender: Sender) -> None:
    answer = await sender.send(envelope(("event", b"{"), ("event", BODY), ("what", b"\x00")))
    assert answer.status_code == 200
    assert len(await sender.stored()) == 1


async def test_a_bomb_is_refused_and_neighbours_go_on(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"body_max_decoded_bytes": 100_000})) as service:
        sender = await sender_of(service)
        bomb = envelope(("attachment", b"x" * 10**6))
        for coding in ("gzip", "br", "zstd", "deflate"):
            answer = await sender.send(CODINGS[coding](bomb), **{"Content-Encoding": coding})
            assert answer.status_code == 413
        assert (await sender.send(b"not gzip", **{"Content-Encoding": "gzip"})).status_code == 400
        assert (await sender.send(b"{}", **{"Content-Encoding": "snappy"})).status_code == 415
        assert (await sender.send(envelope(("event", BODY)))).status_code == 200


async def test_an_event_that_is_sent_again_is_stored_once(sender: Sender) -> None:
    for _ in range(3):
        assert (await sender.send(envelope(("event", BODY), event_id=ID))).json() == {"id": ID}
        assert (await sender.send(BODY, "store")).json() == {"id": ID}
    assert len(await sender.stored()) == 1


async def test_the_id_of_the_envelope_goes_before_that_of_the_event(sender: Sender) -> None:
    other = "a" * 32
    assert (await sender.send(envelope(("event", BODY), event_id=other))).json() == {"id": other}
    assert [error["id"] for error in await sender.stored()] == [str(UUID(other))]


async def test_an_event_without_an_id_gets_one_which_is_answered(sender: Sender) -> None:
    answer = await sender.send(b'{"message": "m"}', "store")
    [error] = await sender.stored()
    assert answer.json() == {"id": UUID(error["id"]).hex}


async def test_a_body_that_an_old_sdk_packed_itself_is_taken(sender: Sender) -> None:
    assert (await sender.send(base64.b64encode(zlib.compress(BODY)), "store")).json() == {"id": ID}


async def test_what_is_no_error_is_answered_200_and_counted_by_its_kind(sender: Sender) -> None:
    kinds = (
        "transaction",
        "span",
        "session",
        "log",
        "metric_buckets",
        "profile",
        "replay_event",
        "check_in",
        "attachment",
    )
    before = {kind: discarded(kind) for kind in (*kinds, "unknown")}
    answer = await sender.send(
        envelope(*[(kind, b"\x00{}") for kind in kinds], ("made_up", b"x"), ("made_up_too", b""))
    )
    assert (answer.status_code, answer.json()) == (200, {})
    assert [discarded(kind) - before[kind] for kind in kinds] == [1] * len(kinds)
    assert discarded("unknown") - before["unknown"] == 2
    assert await sender.stored() == []


async def test_a_transaction_on_the_older_route_is_discarded(sender: Sender) -> None:
    before = discarded("transaction")
    answer = await sender.send(b'{"type": "transaction", "event_id": "%s"}' % ID.encode(), "store")
    assert answer.status_code == 200
    assert (discarded("transaction") - before, await sender.stored()) == (1, [])


async def test_what_people_say_is_kept_with_their_error_once(sender: Sender) -> None:
    report = {"event_id": ID, "name": "Ann", "email": "ann@example.com", "comments": "it broke"}
    said = {
        "contexts": {"feedback": {"message": "again", "associated_event_id": ID, "url": "http://x/"}},
        "event_id": "b" * 32,
    }
    for _ in range(2):
        answer = await sender.send(envelope(("event", BODY), ("user_report", json.dumps(report).encode()), event_id=ID))
        assert answer.status_code == 200
        assert (await sender.send(envelope(("feedback", json.dumps(said).encode())))).status_code == 200
    shown = await sender.project.get(f"/api/errors/{UUID(ID)}")
    assert [(one["name"], one["email"], one["url"], one["message"]) for one in shown["feedback"]] == [
        ("Ann", "ann@example.com", None, "it broke"),
        (None, None, "http://x/", "again"),
    ]
    other = await sender.service.project("other")
    assert (await other.read.get(f"/api/errors/{UUID(ID)}")).status_code == 404


async def test_what_people_say_of_no_error_is_one_of_its_own(sender: Sender) -> None:
    said = {"contexts": {"feedback": {"message": "it is slow"}}, "event_id": "b" * 32}
    assert (await sender.send(envelope(("feedback", json.dumps(said).encode())))).status_code == 200
    [error] = await sender.stored()
    assert (error["severity"], error["error_type"], error["message"]) == ("info", "UserFeedback", "it is slow")


async def test_what_an_sdk_dropped_is_counted_and_told_per_project(sender: Sender) -> None:
    before = metrics.SENDER_LOSSES.of("queue_overflow", "error")._value.get()
    report = {"discarded_events": [
        {"reason": "queue_overflow", "category": "error", "quantity": 7},
        {"reason": "made up by a stranger", "category": "made up", "quantity": 2},
    ]}  # fmt: skip
    for _ in range(2):
        assert (await sender.send(envelope(("client_report", json.dumps(report).encode())))).status_code == 200
    assert metrics.SENDER_LOSSES.of("queue_overflow", "error")._value.get() - before == 14
    assert await sender.losses() == {("queue_overflow", "error"): 14, ("other", "other"): 4}


async def test_an_event_is_grouped_and_shown_with_all_that_it_said(sender: Sender) -> None:
    for number in range(3):
        raised = {"type": "CardDeclined", "value": f"no {number}", "stacktrace": FRAMES}
        event = {**EVENT, "event_id": f"{number:032x}", "exception": [raised]}
        assert (await sender.send(json.dumps(event).encode(), "store")).status_code == 200
    await sender.service.run_worker()
    patterns = await sender.project.get("/api/errors/patterns")
    [pattern] = patterns["patterns"]
    assert (pattern["count"], pattern["error_type"]) == (3, "CardDeclined")
    rows = await sender.service.execute("SELECT grouped_by, origin FROM fingerprints")
    assert [(how, origin.partition(" ")[0]) for how, origin in rows] == [("stacktrace", "app/shop.py:pay")]
    shown = await sender.project.get(f"/api/errors/{(await sender.stored())[0]['id']}")
    assert shown["context"]["exception"][0]["frames"][0]["function"] == "pay"
    assert (shown["context"]["extra"], shown["tags"]) == ({"cart": [1, 2]}, {"region": "eu"})
    assert 'File "/app/shop.py", line 3, in pay' in shown["stack_trace"]


async def test_a_project_that_has_sent_too_much_is_told_for_how_long_and_what(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"limit_project_errors": 2})) as service:
        sender = await sender_of(service)
        answers = [await sender.send(b"{}", "store") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        limits = answers[-1].headers["X-Sentry-Rate-Limits"].split(":")
        assert limits[0] == answers[-1].headers["Retry-After"]
        assert 1 <= int(limits[0]) <= 60
        assert "error" in limits[1].split(";")
        assert await sender.losses() == {("refused", "error"): 2}


async def test_a_report_of_what_was_dropped_comes_through_where_nothing_else_does(settings: Settings) -> None:
    report = {"discarded_events": [{"reason": "ratelimit_backoff", "category": "error", "quantity": 5}]}
    lines = ("client_report", json.dumps(report).encode())
    async with run_service(settings.model_copy(update={"limit_project_errors": 1})) as service:
        sender = await sender_of(service)
        assert (await sender.send(b"{}", "store")).status_code == 200
        assert (await sender.send(envelope(lines, ("event", BODY)))).status_code == 429
        assert (await sender.send(envelope(lines))).status_code == 200
        assert await sender.losses() == {("ratelimit_backoff", "error"): 5, ("refused", "error"): 1}
    async with run_service(settings.model_copy(update={"limit_key_requests": 1})) as service:
        sender = await sender_of(service)
        assert [(await sender.send(envelope(lines))).status_code for _ in range(2)] == [200, 429]


async def test_errors_are_stored_slim_before_any_is_refused(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"limit_project_errors": 10})) as service:
        sender = await sender_of(service)
        for number in range(10):
            assert (
                await sender.send(json.dumps({**EVENT, "event_id": f"{number:032x}"}).encode(), "store")
            ).status_code == 200
        rows = await service.execute(
            "SELECT stack_trace IS NULL, context_text IS NULL FROM errors ORDER BY received_at, event_id"
        )
        assert rows == [(False, False)] * 9 + [(True, True)]
        assert len(await service.execute("SELECT DISTINCT fingerprint FROM errors")) == 1


async def test_an_event_waits_for_a_postgres_that_takes_nothing_for_a_while(sender: Sender) -> None:
    await sender.service.execute("ALTER TABLE deltas RENAME TO away")
    sending = asyncio.create_task(sender.send(envelope(("event", BODY))))
    await asyncio.sleep(1.5)
    assert not sending.done()
    await sender.service.execute("ALTER TABLE away RENAME TO deltas")
    assert (await sending).status_code == 200
    assert len(await sender.stored()) == 1
    assert await sender.losses() == {}


async def test_one_that_waited_for_too_long_is_told_so_and_known_as_lost(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"hold_seconds": 0.2})) as service:
        sender = await sender_of(service)
        await service.execute("ALTER TABLE deltas RENAME TO away")
        answer = await sender.send(envelope(("event", BODY)))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert "X-Sentry-Rate-Limits" not in answer.headers  # to be silent would lose more
        await service.execute("ALTER TABLE away RENAME TO deltas")
        assert (await sender.send(envelope(("event", BODY)))).status_code == 200
        assert await sender.losses() == {("refused", "error"): 1}
