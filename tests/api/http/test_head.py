"""What a head says of its request: where its body ends, whether others may read it in another way, whether it is plain."""

import pytest

from api.http.head import ROUTED, Fields, Head, read_head
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
def test_a_head_is_sure_of_which_each_field_is_there_once(sent: Fields, body_bytes: int) -> None:
    assert read_head(b"GET", "1.1", b"/", sent) == Head("GET", "/", sent, dict(sent), body_bytes, is_sure=True)


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
    head = read_head(b"GET", version, target, [HOST, *more])
    assert (head.body_bytes, head.is_sure, head.is_plain) == (0, False, False)


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
        read_head(b"GET", version, b"/", sent)


@pytest.mark.parametrize(
    ("method", "more", "is_plain"),
    [
        (b"GET", [], True),
        (b"GET", [(b"accept-encoding", b"br"), (b"authorization", b"Bearer x")], True),
        (b"GET", [(b"content-length", b"0")], False),
        (b"POST", [(b"content-length", b"0")], True),
        (b"POST", [(b"content-length", b"12"), (b"content-type", b"text/plain")], True),
        (b"POST", [], False),
        (b"POST", [(b"content-length", b"12 ")], False),
        (b"PUT", [(b"content-length", b"1")], False),
        (b"HEAD", [], False),
        *((b"POST", [(b"content-length", b"1"), (name, b"x")], False) for name in sorted(ROUTED)),
        *((b"GET", [(name, b"x")], False) for name in sorted(ROUTED)),
    ],
)
def test_a_head_is_plain_that_says_nothing_but_what_it_asks(method: bytes, more: Fields, is_plain: bool) -> None:
    assert read_head(method, "1.1", b"/", [HOST, *more]).is_plain is is_plain
