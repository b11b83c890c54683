"""A usage record as it is sent, and what is known of it beforehand. Pure."""

from dataclasses import dataclass
from typing import Any, NamedTuple

NAME_MAX_CHARS = 200
NO_TEAM = "unknown"


class Options(NamedTuple):
    """What the command line says of records that do not say it themselves. An empty text: nothing."""

    team: str = ""
    agent: str = ""
    model: str = ""
    deliverable: str = ""


class Unread(NamedTuple):
    """Something that could hold usage and was not understood."""

    reason: str


class Skipped(NamedTuple):
    """A call that costs nothing or never happened, as an answer of a gateway's own cache."""

    reason: str


@dataclass(slots=True)
class UsageRecord:
    """One record, in the names of the API."""

    event_key: str
    team: str
    model: str
    occurred_at: str
    usage: dict[str, Any]
    agent: str | None = None
    provider: str | None = None
    run: str | None = None
    parent_run: str | None = None
    deliverable: str | None = None
    cost_usd: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The body of it; what is not said is left out."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) not in (None, "")}


def name_team(cwd: str | None) -> str:
    """The team by the folder that a session ran in, whatever system wrote its path."""
    tail = (cwd or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    return tail[:NAME_MAX_CHARS] or NO_TEAM
