"""What services send and what they are answered."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.fields import LenientInstant, SeverityName

SentName = Annotated[str, Field(min_length=1, max_length=200)]  # cleaned of what cannot be stored


EXAMPLE_ERROR: dict[str, JsonValue] = {
    "service": "checkout",
    "severity": "error",
    "message": "payment 4711 failed: card declined",
    "error_type": "PaymentDeclined",
}


class ErrorIn(BaseModel):
    """One error, as a service reports it. What is written otherwise with one plain meaning is taken too and told as
    `normalized`: a severity in any case and by other common names (WARN, ERR, fatal, notice), an empty optional name as
    none, a number as its text."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [EXAMPLE_ERROR]},
    )

    service: SentName = Field(description="Which service reports it.")
    severity: SeverityName
    message: Annotated[str, Field(min_length=1)] = Field(description="What happened. Cut at 8 KiB.")
    event_id: UUID | None = Field(
        None, description="Names this error for ever: sent again with the same id, it is a duplicate. Made if missing."
    )
    timestamp: LenientInstant | None = Field(
        None,
        description="When it happened, UTC if it names no zone. Missing: the time in a UUIDv7 event_id, else now. "
        "Older than the retention, or over 10 minutes ahead: replaced by now.",
    )
    error_type: SentName | None = Field(None, description="Class of the exception, or an error code.")
    stack_trace: str | None = Field(None, description="As the language prints it. Cut at 256 KiB.")
    environment: SentName | None = Field(None, description="Where it ran: production, staging...")
    release: SentName | None = Field(None, description="Version that ran.")
    context: dict[str, Any] | None = Field(
        None, description="Any JSON object that helps. Nesting over 32 deep and keys over 1,000 are cut."
    )
    tags: Annotated[dict[str, str], Field(max_length=100)] | None = Field(
        None, description="Short facts, as text; numbers and booleans are taken as their text, null as none."
    )
    fingerprint: SentName | None = Field(None, description="Groups errors your way: equal ones are one group.")


class ErrorBatchIn(BaseModel):
    """Errors to store, 1 to 1,000."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"errors": [EXAMPLE_ERROR]}]})

    errors: list[ErrorIn] = Field(min_length=1, description="In any order; each is stored or rejected alone.")


class RejectedItem(BaseModel):
    """An item that could not be stored; its neighbours were."""

    index: int = Field(description="Its place in the batch, from 0.")
    reason: str = Field(description="missing_field, invalid_field, unknown_field, not_an_object or not_json.")
    detail: str = Field(description="What is wrong, and what is expected.")


class AdjustedItem(BaseModel):
    """An item that was stored, with a change that made it storable."""

    index: int = Field(description="Its place in the batch, from 0.")
    adjustments: list[str] = Field(description="truncated, retimed, cleaned, redacted, sampled or normalized.")


class BatchAnswer(BaseModel):
    """What became of each error: count + duplicates + rejected is what was sent."""

    status: str = Field(description="success, or partial when some were rejected.")
    count: int = Field(description="Errors stored now.")
    duplicates: int = Field(description="Errors that were stored before.")
    rejected: list[RejectedItem] = Field(
        description="Errors that cannot be stored, by their place; send them again once mended."
    )
    adjusted: list[AdjustedItem] = Field(description="Errors that were stored with a change.")


class ErrorAnswer(BaseModel):
    """What became of one error."""

    id: UUID = Field(description="Its event id.")
    outcome: str = Field(description="stored, or duplicate when it was stored before.")
    adjustments: list[str] = Field(description="truncated, retimed, cleaned, redacted, sampled or normalized.")


class LogsAnswer(BaseModel):
    """What became of log records: each is in one of the counts, and the lines of one trace are one record."""

    status: str = Field(description="success, or partial when some were rejected.")
    count: int = Field(description="Errors stored now.")
    duplicates: int = Field(description="Errors that were stored before.")
    discarded: dict[str, int] = Field(
        description="Records that are no errors: below_level, or without_level (they name none, and nothing failed)."
    )
    rejected: list[RejectedItem] = Field(description="Records that cannot be read, the first 100.")
    rejected_count: int = Field(description="How many these are in all.")
