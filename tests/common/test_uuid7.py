"""What a UUIDv7 says of its time, also one that nobody should have made."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import uuid_utils.compat
from hypothesis import given
from hypothesis import strategies as st

from common.uuid7 import time_of_uuid7


def make(milliseconds: int) -> UUID:
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62)


def test_an_id_of_now_says_now() -> None:
    said = time_of_uuid7(uuid_utils.compat.uuid7())
    assert said is not None
    assert abs(datetime.now(UTC) - said) < timedelta(minutes=1)


def test_ids_of_other_versions_say_nothing() -> None:
    assert time_of_uuid7(uuid4()) is None
    assert time_of_uuid7(UUID(int=0)) is None


@given(st.integers(0, 2**48 - 1))
def test_every_time_of_the_calendar_is_read_and_no_other(milliseconds: int) -> None:
    said = time_of_uuid7(make(milliseconds))
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    if milliseconds / 1000 <= last:
        assert said is not None
        assert abs(said.timestamp() - milliseconds / 1000) < 0.001
    elif milliseconds / 1000 >= last + 1:
        assert said is None
