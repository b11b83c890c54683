"""What one request brings, taken apart: errors, what is discarded, what people and SDKs say beside."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.problems import BadRequest, BodyTooLarge, Unauthorized
from api.ingest.receivers.items import Rejected
from api.ingest.receivers.sentry import Reader, read_vast_object
from common.settings import Settings

SETTINGS = Settings.load()
ID = UUID("9ec79c33ec9942ab8353589fcb2e04dc")
KEY = "a" * 32


def read(*lines: bytes, key: str | None = None) -> tuple[Reader, Any]:
    reader = Reader("default", uuid4, key)
    return reader, reader.read_envelope(b"\n".join(lines), SETTINGS)


def test_the_id_of_an_envelope_is_that_of_its_first_event() -> None:
    event = json.dumps({"event_id": "b" * 32}).encode()
    header = b'{"event_id":"%s"}' % ID.hex.encode()
    reader, batch = read(header, b'{"type":"event"}', event, b'{"type":"event"}', event)
    assert [error.event_id for error in batch.items] == [ID, UUID("b" * 32)]
    assert reader.answered_id == ID


def test_an_event_without_an_id_gets_one_that_is_answered() -> None:
    reader, batch = read(b"{}", b'{"type":"event"}', b"{}")
    assert batch.items[0].event_id == reader.answered_id is not None


def test_the_header_may_name_the_key_that_came_and_no_other() -> None:
    header = b'{"dsn":"http://%s@host/1"}'
    read(header % KEY.encode(), key=KEY)
    read(header % b"other", key=None)
    with pytest.raises(Unauthorized):
        read(header % b"other", key=KEY)


def test_what_is_no_event_is_rejected_alone() -> None:
    _, batch = read(
        b"{}", b'{"type":"event"}', b"{", b'{"type":"event"}', b"7", b'{"type":"event"}', b'{"message":"m"}'
    )
    assert [error.message for error in batch.items] == ["m"]
    assert {place: item.reason for place, item in batch.rejected.items()} == {0: "not_json", 1: "not_an_object"}
    assert all(isinstance(item, Rejected) for item in batch.rejected.values())


def test_what_matters_of_a_vast_event_is_read_wherever_it_stands() -> None:
    """A cut at so many values would leave out what stands behind them."""
    event = b'{"extra":[%s],"exception":{"type":"E","value":"v"}}' % b",".join([b"[]"] * 50_000)
    value, adjustments = read_vast_object(event)
    assert value["exception"] == {"type": "E", "value": "v"}
    assert len(value["extra"]) < 5_000
    assert adjustments


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_by_the_protocol(body: bytes) -> None:
    for whole in (body, b'{}\n{"type":"event"}\n' + body, b'{}\n{"type":"client_report"}\n' + body):
        for route in (Reader.read_envelope, Reader.read_event):
            try:
                route(Reader("default", uuid4), whole, SETTINGS)
            except (BadRequest, BodyTooLarge, Unauthorized):
                continue
