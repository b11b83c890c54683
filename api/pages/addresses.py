"""Addresses of pages, and what in them is ours. Pure."""

from datetime import datetime, timedelta
from uuid import UUID


def home_of(project_id: UUID) -> str:
    """Where the pages of a project begin."""
    return f"/p/{project_id}/"


def is_within(path: str, home: str) -> bool:
    """Whether an address that came with a request is a page under `home`: it leads to no other site, and fits in a header."""
    return path.startswith(home) and path.isascii() and path.isprintable() and "\\" not in path


def span_of(start: datetime, step: timedelta) -> dict[str, str]:
    """The parameters of a search for what happened in a step."""
    return {"since": start.isoformat(), "until": (start + step).isoformat()}
