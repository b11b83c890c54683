"""One project's patterns answer: its form, how it is summed up from rollups, and the table it is kept in.

Worker and API agree on it here: the worker computes it on a cron, the API when there is none yet. The only writer of
`snapshots`.
"""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

WINDOWS_HOURS = (1, 6, 24, 168)


class KeyCount(BaseModel):
    """How many errors have this value."""

    key: str
    count: int


class HourCount(BaseModel):
    """How many errors fell on the hour (UTC) that begins at `start`."""

    start: datetime
    count: int


class PatternCount(BaseModel):
    """A pattern in a short list."""

    id: UUID
    title: str
    count: int


class TrendGroup(BaseModel):
    """The patterns whose series do the same thing now."""

    trend: str = Field(description="new, regressed, spiking, rising, steady or falling; more may come.")
    patterns: int = Field(description="How many patterns.")
    count: int = Field(description="Their errors in the window.")
    top: list[PatternCount] = Field(description="The ten with most errors.")


class PatternSummary(BaseModel):
    """One pattern, as it stands in the window."""

    id: UUID
    title: str
    template: str = Field(description="The message with <*> at its variable places.")
    error_type: str | None
    count: int = Field(description="Errors in the window.")
    share: float = Field(description="Part of the window's total, 0 to 1.")
    state: str = Field(description="new, ongoing, regressed, resolved or ignored; more may come.")
    trend: str = Field(description="new, regressed, spiking, rising, steady or falling; more may come.")
    grouped_by: str = Field(description="What put its errors together: stacktrace, message or client.")
    by_severity: list[KeyCount]
    services: list[KeyCount]
    first_seen: datetime
    last_seen: datetime


class OtherPatterns(BaseModel):
    """What the cut list of patterns leaves out."""

    patterns: int
    count: int


class PatternsAnswer(BaseModel):
    """What is failing in one window. By severity, by service, and patterns with other, each sum to `total`."""

    window: str = Field(description="Length of the window: 1h, 6h, 24h or 7d.")
    window_start: datetime
    window_end: datetime
    computed_at: datetime
    lag_seconds: float = Field(description="Age of the oldest error not yet counted, when this was computed.")
    total: int
    by_severity: list[KeyCount]
    by_service: list[KeyCount]
    series: list[HourCount] = Field(description="Errors by hour, oldest first, without gaps.")
    trends: list[TrendGroup]
    top_10: list[PatternCount]
    patterns: list[PatternSummary] = Field(description="Those with most errors first.")
    other: OtherPatterns
