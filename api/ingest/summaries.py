"""What every batch goes through: its load, what is refused of it, and an answer that counts each item once."""

from collections.abc import Iterable, Sequence
from typing import Any

from api.http.problems import Invalid
from api.ingest.receivers import JSON
from api.ingest.receivers.items import Batch, ItemKind, Rejected, describe_places
from api.ingest.schemas import AdjustedItem, BatchAnswer, RejectedItem
from api.storing.admission import Load
from api.storing.flusher import Outcome
from api.storing.rows import ROW_OVERHEAD_BYTES
from common.telemetry import metrics

SENT_AGAIN = (Outcome.replaced, Outcome.differs)
NOT_HELD = Rejected("invalid_field", "Postgres cannot hold this: see the log for the reason")


def body_of(model: type[Any]) -> dict[str, Any]:
    """The request body for OpenAPI, since the routes read it raw: one pass instead of two.

    NDJSON stands in the description alone: as a second media type it would make every body of a generated client "that
    or any text", and no schema can say what its lines are.
    """
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def load_of(batch: Batch[Any], body_bytes: int) -> Load:
    """What its rows take in memory, roughly, before they are made."""
    return Load(len(batch), body_bytes + ROW_OVERHEAD_BYTES * len(batch))


def count_rejected(rejected: Iterable[Rejected], form: ItemKind[Any]) -> None:
    for item in rejected:
        metrics.ITEMS.of(form.kind, Outcome.rejected.value).inc()
        metrics.REJECTIONS.of(form.kind, item.reason).inc()


def refuse_if_empty(batch: Batch[Any], form: ItemKind[Any]) -> None:
    """Raise Invalid when no item can be stored, and count them then."""
    if not batch.items:
        count_rejected(batch.rejected.values(), form)
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
        duplicates=sum(outcomes.count(outcome) for outcome in (Outcome.duplicate, *SENT_AGAIN)),
        rejected=[RejectedItem(index=i, reason=r.reason, detail=r.detail) for i, r in sorted(rejected.items())],
        adjusted=tell_sent_again(batch, outcomes, adjusted),
    )


def tell_sent_again(batch: Batch[Any], outcomes: Sequence[Outcome], adjusted: list[AdjustedItem]) -> list[AdjustedItem]:
    """What was adjusted, with what became of records whose key was stored with something else."""
    if not any(outcome in outcomes for outcome in SENT_AGAIN):
        return adjusted
    said = {item.index: item.adjustments for item in adjusted}
    for place, outcome in zip(batch.places, outcomes, strict=True):
        if outcome in SENT_AGAIN:
            said[place] = [*said.get(place, []), outcome.value]
    return [AdjustedItem(index=place, adjustments=words) for place, words in sorted(said.items())]
