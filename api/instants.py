"""Instants in requests: text in the form of RFC 3339 with an offset, as the OpenAPI document says."""

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

BEGINS_WITH_DATE = re.compile(r"\d{4}-")


def refuse_seconds(value: Any) -> Any:
    """Raise ValueError for seconds since 1970, number or text, which pydantic would take."""
    if isinstance(value, int | float) or (isinstance(value, str) and not BEGINS_WITH_DATE.match(value)):
        raise ValueError("write it as text with an offset, such as 2026-02-01T00:00:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(refuse_seconds)]
