"""The requests of one connection are taken one after the other, as far as they came, and answered in their order."""

import asyncio
import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.server import ServerState

from api.http.problems import BadRequest, Problem
from api.http.sequence import PIECES_A_TURN, Flow, Sequence
from tests.api.http.raw_clients import POST, PROBE, Server
from tests.conftest import Service


async def test_what_follows_a_whole_request_does_not_take_its_answer(server: Server) -> None:
    client = await server.connect(POST + b"Content-Length: 2\r\n\r\n{}GARBAGE\r\n\r\n")
    assert [(await client.answer())[0] for _ in range(2)] == [401, 400]
    assert await client.is_closed()


@pytest.mark.parametrize(
    "sent",
    [PROBE, PROBE * 40, POST + b"Content-Length: 2\r\n\r\n{}", PROBE + b"\r\n"],
    ids=["one", "many", "a body", "a blank line behind"],
)
async def test_a_client_that_has_ended_its_side_gets_its_answers_and_is_closed(server: Server, sent: bytes) -> None:
    client = await server.connect(sent)
    client.writer.write_eof()
    answers = [(await client.answer())[0] for _ in range(max(sent.count(PROBE), 1))]
    assert answers == ([401] if sent.startswith(POST) else [200] * sent.count(PROBE))
    assert await client.is_closed()


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_error_of_a_client_that_has_ended_its_side_is_stored_and_said_to_be(
    server: Server, service: Service, is_known: bool
) -> None:
    project = await service.project()
    head = POST.replace(b"batch", b"log") + b"Authorization: " + project.ingest.headers["Authorization"].encode()
    body = json.dumps({"service": "s", "severity": "error", "message": "half closed"}).encode()
    whole = head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    client = await server.connect(whole)
    if is_known:
        assert (await client.answer())[0] == 201
        await client.send(whole)
    client.writer.write_eof()
    assert (await client.answer())[0] == 201
    assert await client.is_closed()


@pytest.mark.parametrize("before", [b"", PROBE], ids=["first", "after an answer"])
@pytest.mark.parametrize("sent", [PROBE[:-2], POST + b"Content-Length: 9\r\n\r\n{", b"G"], ids=["head", "body", "G"])
async def test_a_request_that_ends_half_way_is_a_400(server: Server, before: bytes, sent: bytes) -> None:
    client = await server.connect(before + sent)
    client.writer.write_eof()
    statuses = [(await client.answer())[0] for _ in range(2 if before else 1)]
    assert statuses in ([400], [200, 400], [401], [200, 401])
    assert await client.is_closed()


async def test_requests_that_follow_each_other_are_answered_in_their_order(server: Server) -> None:
    missing = PROBE.replace(b"/livez", b"/nowhere")
    client = await server.connect((PROBE + missing) * 20 + PROBE[:10])
    assert [(await client.answer())[0] for _ in range(40)] == [200, 404] * 20
    await client.send(PROBE[10:])
    assert (await client.answer())[0] == 200


class Wire(asyncio.Transport):
    """What a protocol does to its connection."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.is_paused = self.is_closed = False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


class Requests(Sequence):
    """Has each request answered when a test says so."""

    def begin(self) -> Wire:
        self.wire, self.asked, self.refused = Wire(), list[bytes](), list[Problem]()
        self.connection_made(self.wire)
        return self.wire

    def data_received(self, data: bytes) -> None:
        self.received.add(data)
        self.go_on()

    def on_message_begin(self) -> None:
        self.url, self.headers, self.is_upgrade = b"", [], False

    def on_headers_complete(self) -> None:
        self.is_upgrade = self.parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        pass

    def on_message_complete(self) -> None:
        if not self.is_upgrade:
            self.asked.append(self.url)
            self.cycle = cast("Any", Cycle())

    def answer(self) -> None:
        cast("Any", self.cycle).response_complete = True
        self.go_on()

    @property
    def is_between(self) -> bool:
        return not self.received.waiting

    def refuse(self, problem: Problem) -> None:
        self.refused.append(problem)
        self.wire.close()

    def close(self) -> None:
        self.wire.close()


class Cycle:
    """A request that is whole, as uvicorn keeps it."""

    response_complete = more_body = disconnected = False

    def __init__(self) -> None:
        self.message_event = asyncio.Event()


@pytest.fixture
async def requests() -> Requests:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        pass

    config = Config(app)
    config.load()
    made = Requests(config, ServerState(), {}, asyncio.get_running_loop())
    made.begin()
    return made


def get(number: int) -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number


async def test_a_request_waits_for_the_answer_to_the_one_before_and_nothing_more_is_received(
    requests: Requests,
) -> None:
    requests.data_received(get(1) + get(2) + get(3))
    assert (requests.asked, requests.is_owing, requests.wire.is_paused) == ([b"/1"], True, True)
    requests.answer()
    assert (requests.asked, requests.wire.is_paused) == ([b"/1", b"/2"], True)
    requests.answer()
    assert (requests.asked, requests.wire.is_paused) == ([b"/1", b"/2", b"/3"], False)


async def test_no_piece_of_a_connection_that_closes_is_parsed(requests: Requests) -> None:
    requests.data_received(get(1) + get(2))
    requests.wire.close()
    requests.answer()
    assert requests.asked == [b"/1"]


async def test_what_is_no_http_is_refused_and_what_follows_is_not_read(requests: Requests) -> None:
    requests.data_received(b"nonsense\r\n\r\n" + get(1))
    [problem] = requests.refused
    assert isinstance(problem, BadRequest)
    assert requests.asked == []


async def test_an_upgrade_is_ignored_and_what_stands_behind_it_is_kept(requests: Requests) -> None:
    upgrade = b"GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    requests.data_received(upgrade + get(2))
    assert requests.asked == [b"/1"]
    requests.answer()
    assert (requests.asked, requests.refused) == ([b"/1", b"/2"], [])


async def test_a_client_that_ended_its_side_is_closed_once_all_is_answered(requests: Requests) -> None:
    requests.data_received(get(1) + get(2))
    assert requests.eof_received()
    assert not requests.wire.is_closed
    requests.answer()
    assert not requests.wire.is_closed
    requests.answer()
    assert (requests.asked, requests.refused) == ([b"/1", b"/2"], [])
    assert requests.wire.is_closed


async def test_of_one_connection_so_many_pieces_are_parsed_in_one_turn(requests: Requests) -> None:
    blank = b"\r\n\r\n" * (2 * PIECES_A_TURN)
    requests.data_received(blank + get(1))
    assert requests.asked == []
    while not requests.asked and not requests.refused:
        assert requests.turn is not None
        await asyncio.sleep(0)
    assert requests.asked == [b"/1"]


async def test_a_lost_connection_leaves_nothing_to_be_done(requests: Requests) -> None:
    requests.data_received(get(1) + get(2))
    requests.go_on_soon()
    requests.connection_lost(None)
    assert (requests.turn, requests.received.waiting) == (None, b"")
    await asyncio.sleep(0)
    assert requests.asked == [b"/1"]


@given(st.lists(st.sampled_from(["hold", "release", "pause_reading", "resume_reading"]), max_size=12))
@settings(max_examples=60)
def test_receiving_goes_on_only_where_nothing_holds_it(steps: list[str]) -> None:
    wire = Wire()
    flow = Flow(wire)
    is_held = is_paused = False
    for step in steps:
        getattr(flow, step)()
        is_held = {"hold": True, "release": False}.get(step, is_held)
        is_paused = True if step in ("hold", "pause_reading") else is_paused and is_held
        assert wire.is_paused is is_paused
