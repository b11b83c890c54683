"""Ids of what comes without: the same for what is sent again, another for all that is another."""

from datetime import UTC, datetime
from uuid import UUID

from api.ingest.receivers.otlp.errors import RaisedException
from api.ingest.receivers.otlp.identity import Identities, make_uuid
from api.ingest.receivers.otlp.records import Origin
from common.uuid7 import time_of_uuid7

SECOND = 10**9
NOW = 1_795_000_000 * SECOND
DECLINED = RaisedException("shop.errors.Declined", "card declined", "Traceback ...")


def of_content(*content: object, at_ns: int = NOW, origin: Origin | None = None) -> UUID:
    identities = Identities()
    identities.begin_group(origin or Origin({"service.name": "shop"}, "app"))
    return identities.of_content(content, at_ns)


def of_exception(raised: RaisedException = DECLINED, span_id: str = "01", at_ns: int = NOW) -> UUID:
    return Identities().of_exception("aa", span_id, raised, at_ns)


def test_an_id_has_the_records_time_in_front() -> None:
    made = of_content("x")
    assert made.version == 7
    assert time_of_uuid7(made) == datetime.fromtimestamp(NOW / SECOND, UTC)


def test_without_a_time_that_fits_there_is_none_in_front() -> None:
    for at_ns in (0, 2**64 - 1):
        assert of_content("x", at_ns=at_ns).version in (7, 8)
    assert of_content("x", at_ns=0).version == 8
    assert of_content("x", at_ns=0).variant == UUID(int=0x8 << 60 | 7 << 76).variant


def test_the_same_content_of_the_same_origin_has_the_same_id() -> None:
    assert of_content({"a": 1}, "x") == of_content({"a": 1}, "x")


def test_whatever_differs_makes_another_id() -> None:
    ids = [
        of_content("x"),
        of_content("y"),
        of_content("x", at_ns=NOW + 1),
        of_content("x", origin=Origin({"service.name": "till"}, "app")),
        of_content("x", origin=Origin({"service.name": "shop"}, "other")),
        of_content("x", origin=Origin({"service.name": "shop"}, "app", "2")),
    ]
    assert len(set(ids)) == len(ids)


def test_what_a_request_brings_twice_is_two_and_the_first_is_what_it_is_alone() -> None:
    identities = Identities()
    identities.begin_group(Origin())
    first, second, third = (identities.of_content(("x",), NOW) for _ in range(3))
    assert len({first, second, third}) == 3
    assert first == of_content("x", origin=Origin())


def test_an_exception_of_a_span_is_the_same_whichever_module_its_type_is_told_with_and_whatever_its_trace() -> None:
    assert of_exception() == of_exception(RaisedException("Declined", "card declined", "another"))


def test_another_message_type_span_or_second_is_another_exception() -> None:
    ids = [
        of_exception(),
        of_exception(DECLINED._replace(message="no funds")),
        of_exception(DECLINED._replace(type="Expired")),
        of_exception(span_id="02"),
        of_exception(at_ns=NOW + SECOND),
    ]
    assert len(set(ids)) == len(ids)


def test_hashes_fill_what_is_random_in_an_id_and_nothing_else() -> None:
    made = make_uuid(2**128 - 1, 5)
    assert (made.version, made.variant, made.int >> 80) == (7, UUID(int=2 << 62).variant, 5)
    assert made.int == 5 << 80 | 0x7FFF << 64 | 0xBFFFFFFFFFFFFFFF
