"""Instants in requests: text in the form of RFC 3339, as the OpenAPI document says.

Numbers are refused: whether seconds or milliseconds are meant is anybody's guess, and a wrong guess is a wrong day.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


def refuse_seconds(value: Any) -> Any:
    """Raise ValueError for seconds since 1970, number or text, which pydantic would take."""
    if isinstance(value, int | float) or (isinstance(value, str) and value[4:5] != "-"):
        raise ValueError("write it as text with an offset, such as 2026-02-01T00:00:00Z")
    return value


# A point in time.
Instant = Annotated[AwareDatetime, BeforeValidator(refuse_seconds)]
# The same, in UTC where it names no zone: services that log have no time to be taught.
LenientInstant = Annotated[datetime, BeforeValidator(refuse_seconds)]
