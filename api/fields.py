"""Kinds of value that requests hold, as the OpenAPI document says them: instants, names, words of a list.

Numbers are refused as instants: whether seconds or milliseconds are meant is anybody's guess, and a wrong guess is a
wrong day.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer
from typing_extensions import TypeAliasType

from common.severities import SeverityWord


def refuse_seconds(value: Any) -> Any:
    """Raise ValueError for seconds since 1970, number or text, which pydantic would take."""
    if isinstance(value, int | float) or (isinstance(value, str) and value[4:5] != "-"):
        raise ValueError("write it as text with an offset, such as 2026-02-01T00:00:00Z")
    return value


def read_instant(value: Any) -> Any:
    """A time of RFC 3339 as the short way of errors reads it too: digits beyond microseconds are rounded, and UTC is
    Python's own. What is none is left to the model. Raises ValueError as `refuse_seconds`."""
    sent = refuse_seconds(value)
    try:
        return msgspec.convert(sent, datetime) if isinstance(sent, str) else sent
    except msgspec.ValidationError:
        return sent


def refuse_other_than_day(value: Any) -> Any:
    """Raise ValueError for numbers and instants, which pydantic would take for a day."""
    if not isinstance(value, str) or len(value) != len("2026-02-01"):
        raise ValueError("write it as 2026-02-01")
    return value


# Times beyond have no UTC form, or are what Postgres takes for infinity and gives back without a zone.
FIRST_INSTANT, LAST_INSTANT = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def refuse_beyond_calendar(instant: datetime) -> datetime:
    """Raise ValueError for a time that cannot be stored or compared as it is."""
    if not FIRST_INSTANT <= instant <= LAST_INSTANT:
        raise ValueError("name a time from 0001-01-02T00:00:00Z to 9999-12-31T23:59:59Z; leave it out for none")
    return instant


# A point in time.
Instant = Annotated[AwareDatetime, BeforeValidator(refuse_seconds), AfterValidator(refuse_beyond_calendar)]
# The same, in UTC where it names no zone: services that log have no time to be taught.
LenientInstant = Annotated[datetime, BeforeValidator(read_instant)]
Day = Annotated[date, BeforeValidator(refuse_other_than_day)]

NO_NUL = r"^[^\x00]*$"  # Postgres holds no U+0000; bodies of batches are cleaned of it instead
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
FilterText = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


def write_money(usd: Decimal) -> str:
    """Digits, and never an exponent, which spreadsheets and people misread."""
    return f"{usd:f}"


# USD, or a rate of it, as it is answered.
Money = Annotated[Decimal, PlainSerializer(write_money, return_type=str, when_used="json")]

# Named, so that generated clients have one type for all that take it.
SeverityName = TypeAliasType(
    "SeverityName",
    Annotated[
        SeverityWord,
        Field(description="How bad an error is, mildest first."),
    ],
)
ProcessingName = TypeAliasType("ProcessingName", Literal["standard", "batch", "flex", "priority", "fast"])
