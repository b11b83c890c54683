"""Bodies of msgpack are read as the records that they hold, and those that are made to cost are not."""

import struct
import time
import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.problems import BodyTooLarge
from api.ingest.receivers.items import Rejected
from api.ingest.receivers.shipper.packed_bodies import BODY_MAX_BYTES, MEMBERS_MAX, walk_packed
from common.settings import Settings

SETTINGS = Settings.load()
AT = msgpack.ExtType(0, struct.pack(">II", 1_795_000_000, 5))
NANOSECONDS = 1_795_000_000 * 10**9 + 5
RECORD = {"log": "it failed", "level": "error"}
DATED = {"date": NANOSECONDS, **RECORD}


def read(body: bytes) -> tuple[list[Any], list[str]]:
    """The records, and why others are none."""
    found = list(walk_packed(body, SETTINGS))
    return [one.record for one in found if not isinstance(one, Rejected)], [
        one.detail for one in found if isinstance(one, Rejected)
    ]


@pytest.mark.parametrize(
    ("values", "records"),
    [
        ([[AT, RECORD]], [DATED]),
        ([[[AT, {}], RECORD], [[AT, {"x": 1}], RECORD]], [DATED, DATED]),
        ([[1_795_000_000, RECORD], [1_795_000_000.5, RECORD]],
         [{"date": 1_795_000_000, **RECORD}, {"date": 1_795_000_000.5, **RECORD}]),
        ([["app", [[AT, RECORD], [[AT, {}], RECORD]], {"size": 2}]], [{"date": NANOSECONDS, "tag": "app", **RECORD}] * 2),
        ([["app", AT, RECORD, {}]], [{"date": NANOSECONDS, "tag": "app", **RECORD}]),
        ([RECORD, RECORD], [RECORD, RECORD]),
        ([[RECORD, RECORD]], [RECORD, RECORD]),
        ([[AT, RECORD | {"date": "mine"}]], [RECORD | {"date": "mine"}]),
        ([[AT, {b"raw": b"\xff", 7: [b"x", None], "ext": msgpack.ExtType(9, b"\x01")}]],
         [{"date": NANOSECONDS, "raw": "\ufffd", "7": ["x", None], "ext": "01"}]),
        ([[[msgpack.ExtType(0, b"\xff" * 4 + bytes(4)), {}], {"resource": {}}], [AT, RECORD],
          [[msgpack.ExtType(0, b"\xff\xff\xff\xfe" + bytes(4)), {}], {}], [-1, {}]], [DATED]),
        ([msgpack.Timestamp(5, 0)], []),
        ([], []),
    ],
)  # fmt: skip
def test_records_are_found_in_every_form(values: list[Any], records: list[Any]) -> None:
    assert read(b"".join(map(msgpack.packb, values)))[0] == records


def test_what_is_cut_or_none_is_told_and_what_stands_before_it_is_read() -> None:
    whole = msgpack.packb([AT, RECORD])
    for body in (whole + whole[:-3], whole + b"\xc1", whole + b"\xdd\xff\xff\xff\xff"):
        records, reasons = read(body)
        assert records == [DATED], body
        assert f"{len(whole)} bytes" in reasons[0], reasons
    assert read(msgpack.packb([AT, RECORD]) + msgpack.packb("a text"))[0] == [DATED, {"message": "a text"}]


@pytest.mark.parametrize(
    "body",
    [
        b"\xdd\xff\xff\xff\xff" * 1_000,  # lists that say they have four thousand million members
        b"\xdd" + (MEMBERS_MAX).to_bytes(4, "big") * 1,
        (b"\xdc" + MEMBERS_MAX.to_bytes(2, "big")) * 100_000,  # each within each
        b"\x91" * BODY_MAX_BYTES,
        b"\x81\x01" * (BODY_MAX_BYTES // 2),
        b"\xdf\xff\xff\xff\xff" + b"\xc0" * 1_000,
        b"\xdb\xff\xff\xff\xff" + b"x" * 1_000,
        b"\xc9\xff\xff\xff\xff\x00",
        b"\xc0" * 1_000,
    ],
)
def test_what_is_made_to_cost_is_told_soon_and_in_little_memory(body: bytes) -> None:
    tracemalloc.start()
    began = time.thread_time()
    records, reasons = read(body)
    assert not records
    assert reasons
    assert time.thread_time() - began < 5
    assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    tracemalloc.stop()


def test_a_body_beyond_what_is_read_at_once_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        list(walk_packed(bytes(BODY_MAX_BYTES + 1), SETTINGS))


@settings(max_examples=100)
@given(st.binary(max_size=200) | st.lists(st.binary(max_size=20), max_size=5).map(b"\x92\x01\x81\xa1a".join))
def test_no_bytes_raise_anything(body: bytes) -> None:
    read(body)
