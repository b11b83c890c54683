"""A head is known again by its bytes, and anything that is not that head with one whole body is left to the parser."""

from typing import Any, cast

import pytest

from api.http.fast_lane import FastHandler, FastRequest
from api.http.head import read_head
from api.http.known_requests import REMEMBERED_MAX_BYTES, KnownHead, KnownRequests

HEAD = b"POST /api/errors/log HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nX: y\r\n\r\n"
HANDLER = cast("FastHandler[Any]", None)
HOST = (b"host", b"x")
BRINGING = FastRequest(HANDLER, "a write", read_head(b"POST", "1.1", b"/log", [HOST, (b"content-length", b"4")]))
BARE = FastRequest(HANDLER, "a read", read_head(b"GET", "1.1", b"/recent", [HOST]))


def request(body: bytes, head: bytes = HEAD) -> bytes:
    return head % len(body) + body


def known() -> KnownHead:
    head = KnownHead.of(request(b"abcd"), 4)
    assert head is not None
    return head


@pytest.mark.parametrize("body", [b"", b"x", b"abcd", b"x" * 12_345, b"\r\n\r\n", request(b"inner")])
def test_the_body_behind_a_head_that_comes_again_is_found_whatever_its_length(body: bytes) -> None:
    assert known().find_body(request(body)) == body


@pytest.mark.parametrize(
    "received",
    [
        b"",
        HEAD[:20],
        request(b"abcd")[:-1],
        request(b"abcd") + b"\r\n",
        request(b"abcd") * 2,
        request(b"abcd").replace(b": 4", b": 04x"),
        request(b"abcd").replace(b": 4", b": +4"),
        request(b"abcd").replace(b": 4", b": 4 "),
        request(b"abcd").replace(b": 4", b": "),
        request(b"abcd").replace(b": 4", b": 4, 4"),
        request(b"abcd").replace(b": 4", b": 4\r\nTransfer-Encoding: chunked"),
        request(b"abcd").replace(b": 4", ": \u0664".encode()),
        request(b"abcd").replace(b"X: y", b"X: z"),
        request(b"abcd").replace(b"Host: x", b"Host: y"),
        request(b"abcd").replace(b"log", b"loh"),
    ],
)
def test_whatever_is_not_that_head_with_one_whole_body_is_left_to_the_parser(received: bytes) -> None:
    assert known().find_body(received) is None


@pytest.mark.parametrize(
    ("received", "body_bytes"),
    [
        (request(b"abcd") + b"\r\n", 4),
        (b"\r\n\r\n" + request(b"abcd"), 4),
        (request(b"\r\nabcd") + b"\r\n", 6),
        (request(b"abcd"), 3),
        (request(b"abcd", HEAD.replace(b": y", b": " + b"y" * REMEMBERED_MAX_BYTES)), 4),
    ],
)
def test_a_head_is_remembered_only_where_its_bounds_are_certain(received: bytes, body_bytes: int) -> None:
    assert KnownHead.of(received, body_bytes) is None


def test_a_connection_remembers_its_last_plain_read_and_its_last_plain_write() -> None:
    remembered, ask = KnownRequests(), b"GET /api/errors/recent HTTP/1.1\r\n\r\n"
    assert not remembered.may_know(ask)
    remembered.note(ask, BARE)
    remembered.note(request(b"abcd"), BRINGING)
    assert remembered.recall(ask) == (BARE, b"")
    assert remembered.recall(request(b"defgh")) == (BRINGING, b"defgh")
    assert remembered.recall(b"GET /livez HTTP/1.1\r\n\r\n") == (None, b"")
