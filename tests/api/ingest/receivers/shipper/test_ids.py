"""Equal records have equal ids, each occurrence its own, at the time that they have."""

from datetime import UTC, datetime

from api.ingest.receivers.shipper.ids import RequestIds, digest_of
from common.uuid7 import time_of_uuid7

AT = datetime(2026, 11, 23, 18, tzinfo=UTC)


def test_a_resend_has_the_same_ids() -> None:
    first, again = RequestIds(), RequestIds()
    ids = [first.of({"m": "a"}, AT), first.of({"m": "a"}, AT), first.of({"m": "b"}, AT)]
    assert ids == [again.of({"m": "a"}, AT), again.of({"m": "a"}, AT), again.of({"m": "b"}, AT)]
    assert len(set(ids)) == 3
    assert {time_of_uuid7(one) for one in ids} == {AT}


def test_another_source_is_another_record() -> None:
    assert digest_of({"m": "a"}, b"x") != digest_of({"m": "a"}, b"y")
    assert digest_of({"m": float("nan")}) == digest_of({"m": float("nan")})
