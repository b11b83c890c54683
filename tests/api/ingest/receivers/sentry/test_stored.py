"""The bodies of the older route, as SDKs packed them themselves."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.problems import BodyTooLarge
from api.ingest.receivers.sentry.stored import unpack_stored

EVENT = b'{"message":"m"}'


@pytest.mark.parametrize("body", [EVENT, b"  " + EVENT, base64.b64encode(zlib.compress(EVENT))])
def test_an_event_is_plain_or_packed_in_base64(body: bytes) -> None:
    assert unpack_stored(body, 1_000).strip() == EVENT


def test_a_bomb_is_refused_while_it_is_small() -> None:
    with pytest.raises(BodyTooLarge):
        unpack_stored(base64.b64encode(zlib.compress(b"x" * 10**7)), 1_000)


@given(st.binary(max_size=99))
def test_anything_else_is_left_to_the_reader(body: bytes) -> None:
    assert isinstance(unpack_stored(body, 1_000), bytes)
