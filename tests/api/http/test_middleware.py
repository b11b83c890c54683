"""Every request ends in one answer that HTTP can say, with its id and the headers of every answer, and in one log line."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from api.http.middleware import (
    RAW_SECURITY_HEADERS,
    UNKEPT,
    Reply,
    RequestLines,
    RequestMiddleware,
    as_problem,
    choose_request_id,
    count_answer,
    find_header,
    framing_headers,
    refuse_unsendable,
    route_of,
    standing_headers,
)
from api.http.problems import NotFound, Problem, TimedOut
from common.settings import Settings
from common.telemetry import metrics

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
BODY: Message = {"type": "http.response.body", "body": b"{}"}
BROKEN: Message = {"type": "http.response.start", "status": 200, "headers": [(b"etag", b"a\r\nX: b")]}


async def sent_by(*messages: Message) -> list[Message]:
    """What leaves the frame around an application that sends these, and then fails."""
    sent: list[Message] = []
    limits = Settings.load()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send({**message, **({"headers": list(message["headers"])} if "headers" in message else {})})
        raise RuntimeError("planted")

    async def note(message: Message) -> None:
        sent.append(message)

    state: dict[str, Any] = {"lines": RequestLines(limits), "stopping": asyncio.Event()}
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "state": state}
    with capture_logs() as lines:
        await RequestMiddleware(app, limits)(scope, cast("Receive", None), note)
    assert [line["log_level"] for line in lines if line["event"] == "answered"] == ["error"]
    return sent


@pytest.mark.parametrize(
    ("messages", "status", "parts"),
    [
        ([], 500, 2),
        ([START], 200, 1),
        ([START, BODY], 200, 2),
        ([START, BODY, BODY], 200, 2),
        ([START, BODY, START, BODY], 200, 2),
        ([START, START, BODY], 200, 1),
        ([BROKEN, BODY], 500, 2),
    ],
)
async def test_a_request_is_answered_once_whatever_fails(messages: list[Message], status: int, parts: int) -> None:
    sent = await sent_by(*messages)
    assert (sent[0]["status"], len(sent)) == (status, parts)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"][:parts]


def scope_of(method: str = "GET", headers: list[tuple[bytes, bytes]] | None = None, share: float = 1.0) -> Scope:
    lines = RequestLines(Settings.load(log_requests_share=share))
    state: dict[str, Any] = {"lines": lines, "stopping": asyncio.Event()}
    return {"type": "http", "method": method, "path": "/x", "headers": headers or [], "state": state}


async def ask(app: Any, scope: Scope, seconds: float = 5.0) -> tuple[list[Message], list[Any]]:
    """What is sent, and the lines that are written."""
    sent: list[Message] = []

    async def note(message: Message) -> None:
        sent.append(message)

    middleware = RequestMiddleware(app, Settings.load())
    middleware.request_seconds = seconds
    with capture_logs() as lines:
        await middleware(scope, cast("Receive", None), note)
    return sent, [line for line in lines if line["event"] == "answered"]


async def good(scope: Scope, _receive: Receive, send: Send) -> None:
    await send({**START, "headers": [(b"x-method", scope["method"].encode())]})
    await send(BODY)


async def test_an_answer_has_its_id_and_the_headers_of_every_answer() -> None:
    sent, [line] = await ask(good, scope_of(headers=[(b"x-request-id", b"mine-1")]))
    assert sent[0]["headers"] == [(b"x-method", b"GET"), UNKEPT, *RAW_SECURITY_HEADERS, (b"x-request-id", b"mine-1")]
    assert (line["log_level"], line["status"], line["method"], line["path"]) == ("info", 200, "GET", "/x")


async def test_head_is_asked_as_get_and_answered_without_the_body() -> None:
    sent, _ = await ask(good, scope_of("HEAD"))
    assert (b"x-method", b"GET") in sent[0]["headers"]
    assert [message.get("body", b"") for message in sent] == [b"", b""]


async def test_a_process_that_stops_has_its_clients_go_elsewhere() -> None:
    scope = scope_of()
    scope["state"]["stopping"].set()
    sent, _ = await ask(good, scope)
    assert sent[0]["headers"][-1] == (b"connection", b"close")


async def test_what_takes_too_long_is_told_so() -> None:
    async def hang(*_: Any) -> None:
        await asyncio.sleep(60)

    sent, [line] = await ask(hang, scope_of(), seconds=0.01)
    assert (sent[0]["status"], line["log_level"]) == (503, "warning")
    assert b"timed-out" in sent[1]["body"]


@pytest.mark.parametrize(("share", "written"), [(1.0, 4), (0.75, 3), (0.5, 2), (0.25, 1), (0.0, 0)])
async def test_of_what_went_well_a_share_has_a_line(share: float, written: int) -> None:
    scope = scope_of(share=share)
    assert sum([len((await ask(good, scope))[1]) for _ in range(4)]) == written


def test_at_level_debug_every_request_has_a_line() -> None:
    lines = RequestLines(Settings.load(log_requests_share=0, log_level="debug"))
    assert [lines.is_due() for _ in range(3)] == [True] * 3


async def test_what_is_no_request_of_http_goes_through_untouched() -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    scope: Scope = {"type": "lifespan"}
    await RequestMiddleware(app, Settings.load())(scope, cast("Receive", 1), cast("Send", 2))
    assert seen == [(scope, 1, 2)]


@given(st.binary(max_size=80))
@settings(max_examples=200)
def test_an_id_can_always_stand_in_a_log_line_and_is_the_clients_where_that_can(sent: bytes) -> None:
    chosen = choose_request_id(sent)
    assert 1 <= len(chosen) <= 64
    assert chosen.isascii()
    assert chosen.replace(".", "").replace("_", "").replace("-", "").isalnum() or chosen.encode() == sent
    assert choose_request_id(None) != choose_request_id(None)


@given(st.lists(st.binary(max_size=8), max_size=3))
@settings(max_examples=200)
def test_a_value_that_would_end_its_line_is_refused_and_any_other_is_not(values: list[bytes]) -> None:
    headers = [(b"a", value) for value in values]
    if any(byte == 127 or (byte < 32 and byte != 9) for byte in b"".join(values)):
        with pytest.raises(RuntimeError):
            refuse_unsendable(headers)
    else:
        refuse_unsendable(headers)


def test_of_a_header_the_first_is_found() -> None:
    assert find_header([(b"a", b"1"), (b"b", b"2"), (b"b", b"3")], b"b") == b"2"
    assert find_header([], b"b") is None


@given(st.lists(st.sampled_from([name for name, _ in [UNKEPT, *RAW_SECURITY_HEADERS]] + [b"etag"]), max_size=6))
def test_an_answer_that_says_a_header_itself_is_given_no_second_one(given_names: list[bytes]) -> None:
    added = [name for name, _ in standing_headers(tuple(given_names))]
    assert sorted(set(given_names) - {b"etag"} | set(added)) == sorted(
        name for name, _ in [UNKEPT, *RAW_SECURITY_HEADERS]
    )
    assert set(added).isdisjoint(given_names)


class Quotas:
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"ratelimit", b"r=1")]

    def lines(self) -> bytes:
        return b"ratelimit: r=1\r\n"


def test_quotas_are_told_behind_the_id() -> None:
    assert framing_headers([(b"etag", b"a")], "mine", Quotas())[-2:] == [
        (b"x-request-id", b"mine"),
        (b"ratelimit", b"r=1"),
    ]
    assert framing_headers([], "mine", None)[-1] == (b"x-request-id", b"mine")


async def test_a_reply_that_nothing_was_sent_of_has_no_status() -> None:
    reply = Reply(cast("Send", None), "id", scope_of(), has_body=True)
    assert (reply.status, reply.is_complete) == (0, False)


def test_an_answer_is_counted_under_its_route_and_way() -> None:
    counted = metrics.REQUESTS.of("GET", "/x/{id}", "404", "routes")._value
    before = counted.get()
    count_answer("GET", "/x/{id}", 404, 0.1, "routes")
    count_answer("GET", "/x/{id}", 404, 0.1, "lane")
    assert counted.get() == before + 1
    assert route_of({"type": "http"}) == "none"


@pytest.mark.parametrize(
    ("error", "kind"),
    [(NotFound("gone"), NotFound), (TimeoutError("secret"), TimedOut), (ValueError("secret"), Problem)],
)
def test_no_text_of_an_exception_is_told(error: Exception, kind: type[Problem]) -> None:
    problem = as_problem(error)
    assert type(problem) is kind
    assert "secret" not in problem.detail
