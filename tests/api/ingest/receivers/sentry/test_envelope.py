"""The framing of envelopes, byte by byte."""

import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.problems import BadRequest
from api.ingest.receivers.sentry.envelope import HEADER_BYTES, ITEMS_MAX, read_envelope

Items = list[tuple[str, bytes]]
EVENT = b'{"message":"m"}'

RIGHT: dict[str, tuple[bytes, Items]] = {
    "no items": (b"{}", []),
    "no items, last newline": (b"{}\n", []),
    "many last newlines": (b"{}\n\n\n", []),
    "a header with blanks": (b' {"event_id": "a"} \n', []),
    "an item without length": (b'{}\n{"type":"event"}\n' + EVENT, [("event", EVENT)]),
    "an item without length, last newline": (b'{}\n{"type":"event"}\n' + EVENT + b"\n", [("event", EVENT)]),
    "an item with length": (b'{}\n{"type":"event","length":15}\n' + EVENT, [("event", EVENT)]),
    "an item with length, last newline": (b'{}\n{"type":"event","length":15}\n' + EVENT + b"\n", [("event", EVENT)]),
    "newlines within a length": (b'{}\n{"type":"attachment","length":5}\na\nb\nc\n', [("attachment", b"a\nb\nc")]),
    "a length of nothing": (b'{}\n{"type":"attachment","length":0}\n\n', [("attachment", b"")]),
    "a length of nothing at the end": (b'{}\n{"type":"attachment","length":0}', [("attachment", b"")]),
    "nothing without a length": (b'{}\n{"type":"session"}\n\n{"type":"x"}\n{}', [("session", b""), ("x", b"{}")]),
    "a header at the end": (b'{}\n{"type":"session"}', [("session", b"")]),
    "a null length": (b'{}\n{"type":"event","length":null}\n{}', [("event", b"{}")]),
    "two items": (
        b'{}\n{"type":"a","length":2}\nxy\n{"type":"b"}\nz\n',
        [("a", b"xy"), ("b", b"z")],
    ),
    "a blank line between items": (b'{}\n{"type":"a","length":1}\nx\n\n{"type":"b"}\nz', [("a", b"x"), ("b", b"z")]),
    "lines that end as Windows has them": (
        b'{}\r\n{"type":"a","length":1}\r\nx\r\n{"type":"b"}\r\n{}\r\n',
        [("a", b"x"), ("b", b"{}\r")],
    ),
    "no type": (b'{}\n{"length":1}\nx', [("", b"x")]),
    "a type that is none": (b'{}\n{"type":7}\nx', [("", b"x")]),
    "unknown facts": (b'{"sdk":{},"trace":{}}\n{"type":"event","content_type":"x","z":[]}\n{}', [("event", b"{}")]),
    "bytes that are no text": (b'{}\n{"type":"a","length":3}\n\xff\x00\xfe', [("a", b"\xff\x00\xfe")]),
}
WRONG: dict[str, bytes] = {
    "nothing": b"",
    "a blank line": b"\n",
    "no JSON": b"hello\n",
    "a cut header": b'{"event_id":',
    "a list as header": b"[]\n",
    "a number as header": b"7",
    "an item's header that is no JSON": b'{}\n{"type":"event"\n{}',
    "an item's header that is a list": b"{}\n[]\n{}",
    "longer than what is there": b'{}\n{"type":"event","length":16}\n' + EVENT,
    "much longer": b'{}\n{"type":"event","length":99999999999999}\n{}',
    "shorter than what is there": b'{}\n{"type":"event","length":14}\n' + EVENT,
    "a length below nothing": b'{}\n{"type":"event","length":-1}\n{}',
    "a length as text": b'{}\n{"type":"event","length":"2"}\n{}',
    "a length with a fraction": b'{}\n{"type":"event","length":2.5}\n{}',
    "a length that is true": b'{}\n{"type":"event","length":true}\n{}',
    "a header without end": b'{"a":"' + b"x" * HEADER_BYTES + b'"}',
    "a header of many values": b'{"a":[' + b"[]," * 2_000 + b"[]]}\n",
    "a deep header": b'{"a":' + b"[" * 900 + b"]" * 900 + b"}\n",
    "too many items": b"{}\n" + b'{"type":"a"}\n\n' * (ITEMS_MAX + 1),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_framed_by_the_protocol_is_taken_apart(name: str) -> None:
    body, items = RIGHT[name]
    assert [(item.type, item.payload) for item in read_envelope(body).items] == items


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_envelope(WRONG[name])
    assert len(refused.value.detail) > 20


payload = st.binary(max_size=40)


@given(
    st.lists(st.tuples(st.sampled_from(["event", "attachment", "x"]), payload, st.booleans()), max_size=5),
    st.booleans(),
)
def test_whatever_is_framed_comes_back(sent: list[tuple[str, bytes, bool]], ends: bool) -> None:
    lines: list[Any] = [b"{}"]
    for kind, data, has_length in sent:
        length = b',"length":%d' % len(data) if has_length or b"\n" in data else b""
        lines += [b'{"type":"%s"%s}' % (kind.encode(), length), data]
    body = b"\n".join(lines) + (b"\n" if ends or (sent and not sent[-1][1]) else b"")
    assert [(item.type, item.payload) for item in read_envelope(body).items] == [(kind, data) for kind, data, _ in sent]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_envelope_or_refused(body: bytes) -> None:
    for whole in (body, b"{}\n" + body, b'{}\n{"type":"event","length":3}\n' + body):
        with suppress(BadRequest):
            read_envelope(whole)


def test_of_an_attachment_no_copy_is_made() -> None:
    size = 20 * 2**20
    body = b'{}\n{"type":"attachment","length":%d}\n' % size + bytes(size) + b'\n{"type":"event"}\n' + EVENT
    tracemalloc.start()
    [attachment, event] = read_envelope(body).items
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (attachment.type, event.payload) == ("attachment", EVENT)
    assert peak_bytes < 2**20
