"""How what was received is cut at the ends of requests."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.http.framing import END, Received, without_upgrade

HOST = (b"host", b"mayday:8000")


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
