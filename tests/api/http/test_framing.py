"""What a head says of its request's bounds, and how what was received is cut at them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.framing import END, Fields, Received, read_framing, without_upgrade
from api.http.problems import BadRequest, CodingNotSpoken, Problem, VersionNotSpoken

HOST = (b"host", b"mayday:8000")


@pytest.mark.parametrize(
    ("sent", "body_bytes"),
    [
        ([HOST], 0),
        ([HOST, (b"content-length", b"12")], 12),
        ([HOST, (b"content-length", b"12 ")], 12),
        ([(b"host", b"")], 0),
        ([(b"host", b"[::1]:80")], 0),
        ([(b"host", b"a_b.example.org \t")], 0),
    ],
)
def test_a_plain_head_is_sure(sent: Fields, body_bytes: int) -> None:
    assert read_framing("1.1", b"/", sent) == (body_bytes, dict(sent))


@pytest.mark.parametrize(
    ("version", "target", "more"),
    [
        ("1.0", b"/", []),
        ("1.1", b"http://mayday/", []),
        ("1.1", b"/", [(b"accept", b"a"), (b"accept", b"b")]),
        ("1.1", b"/", [(b"expect", b"100-continue")]),
        ("1.1", b"/", [(b"upgrade", b"h2c")]),
        ("1.1", b"/", [(b"transfer-encoding", b"Chunked ")]),
    ],
)
def test_what_others_may_read_in_another_way_is_taken_and_is_not_sure(
    version: str, target: bytes, more: Fields
) -> None:
    assert read_framing(version, target, [HOST, *more]) == (0, None)


@pytest.mark.parametrize(
    ("version", "sent", "problem"),
    [
        ("0.9", [], VersionNotSpoken),
        ("2.0", [HOST], VersionNotSpoken),
        ("1.1", [], BadRequest),
        ("1.1", [HOST, HOST], BadRequest),
        ("1.0", [HOST, HOST], BadRequest),
        ("1.1", [HOST, (b"content-length", b"1"), (b"content-length", b"1")], BadRequest),
        ("1.1", [HOST, (b"content-length", b"1"), (b"transfer-encoding", b"chunked")], BadRequest),
        ("1.1", [HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], BadRequest),
        ("1.0", [HOST, (b"transfer-encoding", b"chunked")], BadRequest),
        *(
            ("1.1", [HOST, (b"transfer-encoding", coding)], CodingNotSpoken)
            for coding in (b"gzip, chunked", b"identity", b",chunked", b"chunked;q=1", b"\x0bchunked", b"")
        ),
        *(
            ("1.1", [(b"host", host)], BadRequest)
            for host in (
                b"a b",
                b"a/b",
                b"user@a",
                b"a:b",
                b"a:123456",
                b"[::1",
                b"a?b",
                b"\xc3\xa9",
                b"a" * 256,
                b"a,b c",
            )
        ),
    ],
)
def test_what_leaves_bounds_or_host_in_doubt_is_refused(version: str, sent: Fields, problem: type[Problem]) -> None:
    with pytest.raises(problem):
        read_framing(version, b"/", sent)


def test_a_head_without_its_upgrade_is_the_same_otherwise() -> None:
    sent = [HOST, (b"connection", b"Upgrade"), (b"upgrade", b"a"), (b"x", b""), (b"upgrade", b"b")]
    assert without_upgrade(b"POST", b"/p", "1.1", sent) == (
        b"POST /p HTTP/1.1\r\nhost: mayday:8000\r\nconnection: Upgrade\r\nx: \r\n\r\n"
    )


HEADS = st.sampled_from([b"GET /\r\nA: b\r\n\r\n", b"\r\nG\r\n\r\n", b"5\r\nhel\r\n\r\n", b"\r\n\r\n"])
MESSAGES = st.lists(st.tuples(HEADS, st.binary(max_size=9) | st.sampled_from([END, b"\r\n", b"a" + END])), max_size=6)


@given(messages=MESSAGES, cuts=st.lists(st.integers(0, 120), max_size=12))
def test_no_piece_goes_beyond_an_end_wherever_packets_are_cut(
    messages: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(head + body for head, body in messages)
    ends = {
        len(b"".join(h + b for h, b in messages[:n]) + messages[n][0]): len(messages[n][1])
        for n in range(len(messages))
    }
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    received, taken = Received(), 0
    for start, end in pairwise(places):
        received.add(stream[start:end])
        while received.waiting:
            piece = received.take()
            assert piece == stream[taken : taken + len(piece)] != b""
            crossed = [at for at in ends if taken < at < taken + len(piece)]
            assert crossed == []
            taken += len(piece)
            if taken in ends:
                received.body_bytes = ends[taken]
    assert taken == len(stream)
