"""What takes batches shares: the body's type, items and load, and an answer that counts each item once."""

from collections.abc import Iterable, Sequence
from typing import Any

from api.http.problems import Invalid, Unsupported
from api.ingest.receivers.native import Batch, ItemKind, ItemT, Rejected, describe_places, parse_batch, parse_lines
from api.ingest.rows import ROW_OVERHEAD_BYTES
from api.ingest.schemas import AdjustedItem, BatchAnswer, RejectedItem
from api.storing.admission import Load
from api.storing.flusher import Outcome
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


def parse_body(body: bytes, sent_as: str, form: ItemKind[ItemT], settings: Settings) -> Batch[ItemT]:
    """The items of a batch, in either of its forms. Raises Invalid."""
    return parse_lines(body, form, settings) if sent_as == NDJSON else parse_batch(body, form, settings)


def load_of(batch: Batch[Any], body: bytes) -> Load:
    """What its rows take in memory, roughly, before they are made."""
    return Load(len(batch), len(body) + ROW_OVERHEAD_BYTES * len(batch))


def count_rejected(rejected: Iterable[Rejected], form: ItemKind[Any]) -> None:
    for item in rejected:
        metrics.ITEMS.of(form.kind, Outcome.rejected.value).inc()
        metrics.REJECTIONS.of(form.kind, item.reason).inc()


def refuse_if_empty(batch: Batch[Any], form: ItemKind[Any]) -> None:
    """Raise Invalid when no item can be stored."""
    if not batch.items:
        first = next(iter(batch.rejected.values()))
        detail = f"none of {len(batch)} {form.name} can be stored: {first.detail}"
        raise Invalid(detail, errors=describe_places(batch.rejected, form))


def summarize(batch: Batch[Any], outcomes: Sequence[Outcome], adjusted: list[AdjustedItem]) -> BatchAnswer:
    """The answer for a batch; outcomes are in the order of its items."""
    rejected = dict(batch.rejected)
    if Outcome.rejected in outcomes:
        places = zip(batch.places, outcomes, strict=True)
        rejected |= {place: NOT_HELD for place, outcome in places if outcome is Outcome.rejected}
    return BatchAnswer(
        status="partial" if rejected else "success",
        count=outcomes.count(Outcome.stored),
        duplicates=outcomes.count(Outcome.duplicate),
        rejected=[RejectedItem(index=i, reason=r.reason, detail=r.detail) for i, r in sorted(rejected.items())],
        adjusted=adjusted,
    )
