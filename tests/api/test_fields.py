"""Values that requests hold are what was meant, or refused: no number is guessed to be a time."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from api.fields import FIRST_INSTANT, LAST_INSTANT, Day, FilterText, Instant, LenientInstant, Money, Name

ADAPTERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(kind)
    for name, kind in {
        "instant": Instant, "lenient": LenientInstant, "day": Day, "name": Name, "filter": FilterText, "money": Money,
    }.items()
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sent", "read"),
    [
        ("instant", "2026-02-01T01:00:00+01:00", datetime(2026, 2, 1, tzinfo=UTC)),
        ("instant", "0001-01-02T00:00:00Z", FIRST_INSTANT),
        ("instant", "9999-12-31T23:59:59Z", LAST_INSTANT),
        ("lenient", "2026-02-01T00:00:00", datetime(2026, 2, 1)),  # noqa: DTZ001
        ("lenient", "2026-02-01T00:00:00.1234567Z", datetime(2026, 2, 1, 0, 0, 0, 123457, tzinfo=UTC)),
        ("day", "2026-02-28", date(2026, 2, 28)),
        ("filter", "", ""),
        ("name", "a" * 200, "a" * 200),
    ],
)
def test_what_was_meant_is_read(kind: str, sent: str, read: object) -> None:
    assert ADAPTERS[kind].validate_python(sent) == read


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        *[(kind, sent) for kind in ("instant", "lenient") for sent in (1_770_000_000, 1.5, "1770000000", "soon", True)],
        ("instant", "2026-02-01T00:00:00"),
        ("instant", "0001-01-01T00:00:00Z"),
        ("instant", "9999-12-31T23:59:59.5Z"),
        *[("day", sent) for sent in (20_485, "20485", "2026-02-30", "2026-02-01T00:00:00Z", "", None)],
        *[("name", sent) for sent in ("", "a" * 201, "a\0b", 7)],
        *[("filter", sent) for sent in ("a" * 201, "\0")],
    ],
)
def test_what_may_mean_something_else_is_refused(kind: str, sent: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTERS[kind].validate_python(sent)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_money_is_told_in_digits_and_read_back_the_same(usd: Decimal) -> None:
    told = ADAPTERS["money"].dump_python(usd, mode="json")
    assert "e" not in told.lower()
    assert Decimal(told) == usd
