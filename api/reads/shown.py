"""How an error is shown: rows of `queries` in, what is answered out. Pure."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json

from api.reads.schemas import ErrorDetail, ErrorSummary, FeedbackSaid
from common.tables import Adjustment, Severity

SUMMARY_FIELDS = tuple(ErrorSummary.model_fields)
SEVERITIES = {severity.value: severity.name for severity in Severity}


def summary_fields(row: Sequence[Any]) -> dict[str, Any]:
    """What a list shows of an error: the first columns of its row, by the names of ErrorSummary."""
    fields = dict(zip(SUMMARY_FIELDS, row, strict=False))
    fields["severity"] = SEVERITIES[fields["severity"]]
    return fields


def summarize(row: Sequence[Any]) -> ErrorSummary:
    return ErrorSummary.model_construct(**summary_fields(row))


def detail(row: Any) -> ErrorDetail:
    return ErrorDetail.model_construct(
        **summary_fields(row),
        received_at=row.received_at,
        stack_trace=row.stack_trace,
        context=row.context and from_json(row.context),
        tags=row.tags and from_json(row.tags),
        fingerprint=hexadecimal(row.fingerprint),
        adjustments=[adjustment.name or "" for adjustment in Adjustment(row.adjustments)],
        redactions=row.redactions,
        feedback=[FeedbackSaid.model_validate(said) for said in from_json(row.feedback or "[]")],
    )


def hexadecimal(fingerprint: int) -> str:
    """64 bits as 16 digits."""
    return f"{fingerprint & (2**64 - 1):016x}"
