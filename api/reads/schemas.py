"""What readers are answered. The patterns answer itself is `common.snapshots.PatternsAnswer`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.fields import Money
from common.snapshots.schema import HourCount, KeptTrendFacts, KeyCount


class ErrorSummary(BaseModel):
    """One error in a list."""

    id: UUID = Field(description="Its event id.")
    timestamp: datetime = Field(description="When it happened, UTC.")
    service: str = Field(description="Which service reported it.")
    severity: str = Field(description="debug, info, warning, error or critical.")
    error_type: str | None = Field(description="Class of the exception, or an error code; null where none was sent.")
    message: str = Field(description="What happened, as stored: cut at 8 KiB, without secrets.")
    environment: str | None = Field(description="Where it ran; null where that was not sent.")
    release: str | None = Field(description="Version that ran; null where that was not sent.")
    pattern_id: UUID | None = Field(description="The pattern it belongs to; null until the worker has counted it.")


class FeedbackSaid(BaseModel):
    """What a person said of an error."""

    received_at: datetime = Field(description="When it came, UTC.")
    name: str | None = Field(description="Who said it; null where that was not sent.")
    email: str | None = Field(description="How to reach them; null where that was not sent.")
    url: str | None = Field(description="Where they were; null where that was not sent.")
    message: str = Field(description="In their words, without secrets.")


class ErrorDetail(ErrorSummary):
    """One error with all that was sent of it."""

    received_at: datetime = Field(description="When Mayday took it, UTC.")
    stack_trace: str | None = Field(description="As the language prints it, without secrets; null where none was sent.")
    context: dict[str, Any] | None = Field(description="The JSON object that was sent, without secrets.")
    tags: dict[str, str] | None = Field(description="The short facts that were sent, without secrets.")
    fingerprint: str = Field(description="What groups it at ingest: 64 bits as 16 hexadecimal digits.")
    adjustments: list[str] = Field(
        description="What was changed to store it: truncated, retimed, cleaned, redacted, sampled, normalized."
    )
    redactions: int = Field(description="How many secrets were taken out.")
    feedback: list[FeedbackSaid] = Field(description="What people said of it, the first 20.")


class RecentErrors(BaseModel):
    """The latest errors, newest first."""

    errors: list[ErrorSummary] = Field(description="By the time at which they happened, newest first.")


class ErrorPage(BaseModel):
    """Some errors, newest first, and where to go on."""

    errors: list[ErrorSummary] = Field(description="By the time at which they happened, newest first.")
    next: str | None = Field(description="Give it as `cursor` for the errors after these; null at the end.")


class ReleaseSeen(BaseModel):
    """A release, by its errors."""

    release: str = Field(description="As services name it.")
    first_seen: datetime = Field(description="When its first error came, UTC.")
    last_seen: datetime = Field(description="When its latest error came, UTC.")


class Releases(BaseModel):
    """The releases that errors came of, as the worker noted them; the thousand seen last are kept."""

    releases: list[ReleaseSeen] = Field(description="The newest first, by their first errors.")


class FingerprintCount(BaseModel):
    """One of the fingerprints of a pattern."""

    fingerprint: str = Field(description="64 bits as 16 hexadecimal digits.")
    skeleton: str = Field(description="The message with its variable parts masked.")
    count: int = Field(description="Its errors so far.")


class Spent(BaseModel):
    """What LLM calls on a pattern or its errors spent, by the usage records that name them."""

    records: int = Field(description="Usage records that name it or one of its errors.")
    tokens: int = Field(description="Their input and output together.")
    cost_usd: Money | None = Field(description="null where nothing has a price.")
    unpriced_tokens: int = Field(description="Tokens that are not in the cost.")


class PatternDetail(BaseModel):
    """One pattern in one window, with its latest errors."""

    id: UUID = Field(description="Stays from run to run of the worker.")
    title: str = Field(description="Its type and its template, short.")
    template: str = Field(description="The message with <*> at its variable places.")
    error_type: str | None = Field(description="That of most of its errors; null where they have none.")
    state: str = Field(description="new, ongoing, regressed, resolved or ignored; more may come.")
    trend: str = Field(description="new, regressed, spiking, rising, steady or falling; more may come.")
    trend_facts: KeptTrendFacts = Field(description="What the trend was told by; null where nothing was tested.")
    note: str | None = Field(description="What people wrote about it.")
    release_order: str | None = Field(
        description="Where it was resolved in a release, what tells which is newer: semantic, date or first_seen; more may"
        " come."
    )
    fixed_in: str | None = Field(
        description="The release that people said has the fix; null for the next one, or none."
    )
    grouped_by: str = Field(description="What put its errors together: stacktrace, message, client or overflow.")
    fingerprints: list[FingerprintCount] = Field(description="What it is made of, 100 at most; most errors first.")
    fingerprints_total: int = Field(description="How many it is made of.")
    spent: Spent = Field(description="What LLM calls on it spent.")
    variables: list[list[KeyCount]] = Field(
        description="For each <*> of the template its most frequent values, of its latest errors, 100 at most."
    )
    first_seen: datetime = Field(description="When its first error happened, UTC.")
    last_seen: datetime = Field(description="When its latest error happened, UTC.")
    window: str = Field(description="The window that the counts are of: 1h, 6h, 24h or 7d.")
    count: int = Field(description="Errors in the window.")
    by_severity: list[KeyCount] = Field(description="Errors of the window by severity, most first.")
    services: list[KeyCount] = Field(description="Errors of the window by service, most first.")
    environments: list[KeyCount] = Field(description="Errors that name none count under an empty key.")
    releases: list[KeyCount] = Field(description="Of its latest errors, 100 at most.")
    series: list[HourCount] = Field(description="Errors by hour, oldest first, without gaps.")
    examples: list[ErrorSummary] = Field(description="Its latest errors, 20 at most.")


class SeriesOfPattern(BaseModel):
    """How one pattern went through the window."""

    id: UUID = Field(description="Of the pattern.")
    counts: list[int] = Field(description="Errors of each step.")
    previous: int = Field(description="Errors in the time before the first step that is as long as all steps.")


class PatternSeries(BaseModel):
    """How patterns went through a window, in steps of the same length; the last one is under way."""

    window: str = Field(description="Length of the window: 1h, 6h, 24h or 7d.")
    step_seconds: int = Field(description="How long a step is.")
    starts: list[datetime] = Field(description="Where each step begins, UTC.")
    counts: list[int] = Field(description="Errors of each step, of all patterns.")
    previous: int = Field(description="Errors in the time before the first step that is as long as all steps.")
    patterns: list[SeriesOfPattern] = Field(description="Each that had errors since that time began, by id.")


class LeftOut(BaseModel):
    """What max_tokens left out."""

    rows: int = Field(description="How many errors or patterns.")
    sections: list[str] = Field(description="Names of whole fields.")


class ShapedAnswer(BaseModel):
    """An answer with some fields only, as columns and rows, or cut to max_tokens; its facts stand beside these."""

    model_config = ConfigDict(extra="allow")

    columns: list[str] | None = Field(None, description="With format=columnar: what the values of a row are.")
    rows: list[list[Any]] | None = Field(None, description="With format=columnar: a row for each error or pattern.")
    left_out: LeftOut | None = Field(None, description="There when something was left out.")
