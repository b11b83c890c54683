"""What takes batches shares: the body's type and items, and an answer that counts each item once."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.ingest.flushing import Outcome
from api.ingest.parsing import Form, Item, ItemT, Rejected, describe_places, parse_batch, parse_lines
from api.ingest.schemas import AdjustedItem, BatchAnswer, RejectedItem
from api.problems import Invalid, Unsupported
from common.settings import Settings
from common.telemetry import metrics

JSON, NDJSON = "application/json", "application/x-ndjson"
NOT_HELD = Rejected("invalid_field", "Postgres cannot hold this: see the log for the reason")


def body_of(model: type[Any]) -> dict[str, Any]:
    """The request body for OpenAPI, since the routes read it raw: one pass instead of two.

    NDJSON stands in the description alone: as a second media type it would make every body of a generated client "that
    or any text", and no schema can say what its lines are.
    """
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def read_media_type(content_type: str | None) -> str:
    """The body's type. Raises Unsupported for any but JSON and NDJSON; none at all counts as JSON."""
    if content_type is None or content_type == JSON:
        return JSON
    sent = content_type.partition(";")[0].strip().lower()
    if sent not in (JSON, NDJSON):
        raise Unsupported(f"Content-Type {sent[:100]!r}: send application/json, or {NDJSON} to a batch route")
    return sent


def parse_body(body: bytes, sent_as: str, form: Form[ItemT], settings: Settings) -> Sequence[Item[ItemT]]:
    """The items of a batch, in either of its forms. Raises Invalid."""
    return parse_lines(body, form, settings) if sent_as == NDJSON else parse_batch(body, form, settings)


def count_rejected(items: Sequence[Any], form: Form[ItemT]) -> None:
    for item in items:
        if isinstance(item, Rejected):
            metrics.ITEMS.of(form.kind, Outcome.rejected.value).inc()
            metrics.REJECTIONS.of(form.kind, item.reason).inc()


def refuse_if_empty(items: Sequence[Any], rows: Mapping[int, Any], form: Form[ItemT]) -> None:
    """Raise Invalid when no item can be stored."""
    if not rows:
        rejected = [(index, item) for index, item in enumerate(items) if isinstance(item, Rejected)]
        detail = f"none of {len(items)} {form.name} can be stored: {rejected[0][1].detail}"
        raise Invalid(detail, errors=describe_places(rejected, form))


def summarize(
    items: Sequence[Any], rows: Mapping[int, Any], outcomes: Sequence[Outcome], adjusted: list[AdjustedItem]
) -> BatchAnswer:
    """The answer for a batch. `rows` are by the place of their item; outcomes are in the order of the rows."""
    rejected = {index: item for index, item in enumerate(items) if isinstance(item, Rejected)}
    rejected |= {i: NOT_HELD for i, outcome in zip(rows, outcomes, strict=True) if outcome is Outcome.rejected}
    return BatchAnswer(
        status="partial" if rejected else "success",
        count=outcomes.count(Outcome.stored),
        duplicates=outcomes.count(Outcome.duplicate),
        rejected=[RejectedItem(index=i, reason=r.reason, detail=r.detail) for i, r in sorted(rejected.items())],
        adjusted=adjusted,
    )
