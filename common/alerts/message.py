"""A message of an alert, and what became of sending it: the seam between what decides and what sends. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

TOLD_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for one channel, before it has the form of any.

    `title`, `lines` and `facts` may hold what an error said, and so what an attacker wrote: they are data in every form.
    Messages of one `incident_key` are one thread; `notification_id` stays from try to try, so that a receiver knows a
    duplicate. `kind` is the name of the transition (new, regressed, ...) or `test`; `url` is our own page.
    """

    notification_id: UUID
    incident_key: str
    project: str
    kind: str
    title: str
    happened_at: datetime
    lines: tuple[str, ...] = ()
    severity: str | None = None
    service: str | None = None
    environment: str | None = None
    url: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def thread(self) -> str:
        """What all messages of the incident share: 32 hex digits, which tell nothing of it."""
        incident = f"{self.project}\0{self.incident_key}"
        return hashlib.sha256(incident.encode(errors="replace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one try. `told` is what the other side or the way there said, in one line of at most `TOLD_CHARS`
    characters, without secrets; `retry_after_seconds` is how long the other side wants to be left alone."""

    accepted: bool
    may_retry: bool
    told: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class OpenedChannel:
    """A channel with its secrets, for the moment of sending. Those are in `config` alone, which no repr shows."""

    project_id: UUID
    channel_id: UUID
    name: str
    kind: str
    config: Mapping[str, Any] = field(repr=False)
    max_per_hour: int
