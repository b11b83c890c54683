"""Answers that a connection writes itself are, byte for byte, those that the routes would be sent as."""

import gzip
import json
from typing import Any

import httptools
import pytest
from starlette.responses import Response

from api.http.middleware import RAW_SECURITY_HEADERS, UNKEPT
from api.http.problems import BadRequest
from api.http.responses import Headers, Reply, as_bytes, as_json, as_lines, as_ready, changing_lines, compress
from common.compression import COMPRESS_FROM_BYTES


class Parsed:
    """An answer as a client reads it."""

    def __init__(self, sent: bytes) -> None:
        self.headers: Headers = []
        self.body = b""
        self.is_whole = False
        parser = httptools.HttpResponseParser(self)
        parser.feed_data(sent)
        self.status = parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_whole = True


def test_json_is_answered_with_the_headers_of_a_response() -> None:
    reply = as_json(201, b'{"a":1}', (b"location", b"/x"))
    same = Response(b'{"a":1}', 201, {"location": "/x"}, media_type="application/json")
    assert (reply.status, reply.body) == (same.status_code, same.body)
    assert sorted(reply.headers) == sorted(same.raw_headers)


def test_an_answer_is_ready_with_its_own_headers_and_those_of_every_answer() -> None:
    ready = as_ready(Reply(200, [(b"etag", b"a"), (b"referrer-policy", b"origin")], b"body"))
    assert (ready.status, ready.body) == (200, b"body")
    added = [header for header in (UNKEPT, *RAW_SECURITY_HEADERS) if header[0] != b"referrer-policy"]
    assert ready.head == as_lines([(b"etag", b"a"), (b"referrer-policy", b"origin"), *added])


def test_lines_are_fields_as_http_writes_them() -> None:
    assert as_lines([(b"a", b"1"), (b"b", b"")]) == b"a: 1\r\nb: \r\n"
    assert as_lines([]) == b""
    assert changing_lines("mine", b"ratelimit: r=1\r\n") == b"x-request-id: mine\r\nratelimit: r=1\r\n"


def test_a_problem_before_any_application_is_a_whole_answer_that_ends_the_connection() -> None:
    parsed = Parsed(as_bytes(BadRequest("this is not HTTP")))
    headers, told = dict(parsed.headers), json.loads(parsed.body)
    assert (parsed.status, parsed.is_whole) == (400, True)
    assert (headers[b"connection"], headers[b"content-type"]) == (b"close", b"application/problem+json")
    assert int(headers[b"content-length"]) == len(parsed.body)
    assert headers[b"x-request-id"].decode() == told["request_id"]
    assert set(RAW_SECURITY_HEADERS) <= set(parsed.headers)
    assert headers[b"date"].endswith(b"GMT")
    assert told["detail"] == "this is not HTTP"


@pytest.mark.parametrize(
    ("size", "accepted", "coding"),
    [
        (COMPRESS_FROM_BYTES, b"gzip", b"gzip"),
        (COMPRESS_FROM_BYTES - 1, b"gzip", None),
        (COMPRESS_FROM_BYTES, b"identity", None),
        (COMPRESS_FROM_BYTES, None, None),
    ],
)
async def test_a_large_answer_is_packed_as_its_client_takes_it(size: int, accepted: bytes | None, coding: Any) -> None:
    body = b"x" * size
    packed = await compress(as_json(200, body), [] if accepted is None else [(b"accept-encoding", accepted)])
    headers = dict(packed.headers)
    assert (packed.status, headers.get(b"content-encoding")) == (200, coding)
    assert (gzip.decompress(packed.body) if coding else packed.body) == body
    assert int(headers.get(b"content-length", len(packed.body))) == len(packed.body)
