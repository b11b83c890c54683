"""Spans of time in addresses of pages. Pure."""

from datetime import datetime, timedelta


def span_of(start: datetime, step: timedelta) -> dict[str, str]:
    """The parameters of a search for what happened in a step."""
    return {"since": start.isoformat(), "until": (start + step).isoformat()}
