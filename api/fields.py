"""Kinds of value that requests hold, as the OpenAPI document says them: instants, names, words of a list.

Numbers are refused as instants: whether seconds or milliseconds are meant is anybody's guess, and a wrong guess is a
wrong day.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field
from typing_extensions import TypeAliasType


def refuse_seconds(value: Any) -> Any:
    """Raise ValueError for seconds since 1970, number or text, which pydantic would take."""
    if isinstance(value, int | float) or (isinstance(value, str) and value[4:5] != "-"):
        raise ValueError("write it as text with an offset, such as 2026-02-01T00:00:00Z")
    return value


def refuse_other_than_day(value: Any) -> Any:
    """Raise ValueError for numbers and instants, which pydantic would take for a day."""
    if not isinstance(value, str) or len(value) != len("2026-02-01"):
        raise ValueError("write it as 2026-02-01")
    return value


# A point in time.
Instant = Annotated[AwareDatetime, BeforeValidator(refuse_seconds)]
# The same, in UTC where it names no zone: services that log have no time to be taught.
LenientInstant = Annotated[datetime, BeforeValidator(refuse_seconds)]
Day = Annotated[date, BeforeValidator(refuse_other_than_day)]

NO_NUL = r"^[^\x00]*$"  # Postgres holds no U+0000; bodies of batches are cleaned of it instead
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
FilterText = Annotated[str, Field(max_length=200, pattern=NO_NUL)]

# Named, so that generated clients have one type for all that take it.
SeverityName = TypeAliasType("SeverityName", Literal["debug", "info", "warning", "error", "critical"])
ProcessingName = TypeAliasType("ProcessingName", Literal["standard", "batch"])
