"""The form of a project's patterns answer, which worker and API agree on."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator


class KeyCount(BaseModel):
    """How many errors have this value."""

    key: str = Field(description="The value; empty where the errors have none.")
    count: int = Field(description="Errors in the window.")


class HourCount(BaseModel):
    """How many errors fell on the hour (UTC) that begins at `start`."""

    start: datetime = Field(description="Beginning of the hour, UTC.")
    count: int = Field(description="Errors of that hour in the window.")


class PatternCount(BaseModel):
    """A pattern in a short list."""

    id: UUID = Field(description="Of the pattern.")
    title: str = Field(description="Its type and its template, short.")
    count: int = Field(description="Errors in the window.")


class TrendGroup(BaseModel):
    """The patterns whose series do the same thing now."""

    trend: str = Field(description="new, regressed, spiking, rising, steady or falling; more may come.")
    patterns: int = Field(description="How many patterns.")
    count: int = Field(description="Their errors in the window.")
    top: list[PatternCount] = Field(description="The ten with most errors.")


class TrendFacts(BaseModel):
    """Why a pattern has its trend: what was counted, and what was expected."""

    window: str = Field(description="1h or 6h.")
    count: int = Field(description="Errors in that window.")
    expected: float = Field(description="Errors that its history lets expect there, at this hour of the day.")
    ratio: float = Field(description="count over expected.")
    p_value: float = Field(description="Chance of a count so far off, if nothing had changed.")


def drop_unfit(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """What was kept by a release whose facts have other fields is as good as none."""
    try:
        return read(value)
    except ValidationError:
        return None


# As they are kept with a pattern until the worker's next run.
KeptTrendFacts = Annotated[TrendFacts | None, WrapValidator(drop_unfit)]


class PatternSummary(BaseModel):
    """One pattern, as it stands in the window."""

    id: UUID = Field(description="Stays from run to run of the worker.")
    title: str = Field(description="Its type and its template, short.")
    template: str = Field(description="The message with <*> at its variable places.")
    error_type: str | None = Field(description="That of most of its errors; null where they have none.")
    count: int = Field(description="Errors in the window.")
    share: float = Field(description="Part of the window's total, 0 to 1.")
    state: str = Field(description="new, ongoing, regressed, resolved or ignored; more may come.")
    trend: str = Field(description="new, regressed, spiking, rising, steady or falling; more may come.")
    trend_facts: KeptTrendFacts = Field(description="What the trend was told by; null where nothing was tested.")
    grouped_by: str = Field(description="What put its errors together: stacktrace, message, client or overflow.")
    by_severity: list[KeyCount] = Field(description="Errors of the window by severity, most first.")
    services: list[KeyCount] = Field(description="Errors of the window by service, most first.")
    environments: list[KeyCount] = Field(description="Errors that name none count under an empty key.")
    first_seen: datetime = Field(description="When its first error happened, UTC.")
    last_seen: datetime = Field(description="When its latest error happened, UTC.")


class Incident(BaseModel):
    """Patterns of different services that began together."""

    id: UUID = Field(description="The same in every run while it lasts.")
    services: list[str] = Field(description="By name.")
    patterns: list[PatternCount] = Field(description="Most errors first.")
    count: int = Field(description="Their errors in the window.")


class OtherPatterns(BaseModel):
    """What the cut list of patterns leaves out."""

    patterns: int = Field(description="How many patterns.")
    count: int = Field(description="Their errors in the window.")


class PatternsAnswer(BaseModel):
    """What is failing in one window. By severity, by service, and by environment, and patterns with other, each sum to
    `total`."""

    window: str = Field(description="Length of the window: 1h, 6h, 24h or 7d.")
    window_start: datetime = Field(description="Where the window begins, UTC.")
    window_end: datetime = Field(description="Where it ends, UTC.")
    computed_at: datetime = Field(description="When the worker computed this, UTC.")
    lag_seconds: float = Field(description="Age of the oldest error not yet counted, when this was computed.")
    total: int = Field(description="Errors in the window.")
    by_severity: list[KeyCount] = Field(description="Most errors first.")
    by_service: list[KeyCount] = Field(
        description="Most errors first. Services beyond those that a project may have count under `(overflow)`."
    )
    by_environment: list[KeyCount] = Field(
        description="Errors that name no environment count under an empty key, further ones under `(overflow)`."
    )
    series: list[HourCount] = Field(description="Errors by hour, oldest first, without gaps.")
    trends: list[TrendGroup] = Field(description="One for each trend that some pattern has, by name.")
    incidents: list[Incident] = Field(
        description="Patterns of different services that began together; most errors first."
    )
    top_10: list[PatternCount] = Field(description="The ten patterns with most errors.")
    patterns: list[PatternSummary] = Field(description="Those with most errors first.")
    other: OtherPatterns
