"""Addresses of pages, and what in them is ours. Pure."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID


def home_of(project_id: UUID) -> str:
    """Where the pages of a project begin."""
    return f"/p/{project_id}/"


def is_within(path: str, home: str) -> bool:
    """Whether an address that came with a request is a page under `home`, and can lead to no other site."""
    parts = urlsplit(path)
    return not (parts.scheme or parts.netloc or "\\" in path) and path.isprintable() and path.startswith(home)


def span_of(start: datetime, step: timedelta) -> dict[str, str]:
    """The parameters of a search for what happened in a step."""
    return {"since": start.isoformat(), "until": (start + step).isoformat()}
