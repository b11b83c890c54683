"""Metrics: taken, counted, and discarded. Pure."""

from api.ingest.receivers.items import Batch
from api.ingest.receivers.otlp.encodings import Encoding, receivers_of
from api.ingest.receivers.otlp.records import Signal
from api.ingest.receivers.plain import Json, PlainError
from common.settings import Settings

METRICS = "metrics"


def read_metrics(encoding: Encoding, body: bytes, _settings: Settings) -> Batch[PlainError[Json]]:
    """Nothing but the number of metrics in a request. Raises Invalid, BodyTooLarge."""
    groups = encoding.groups(body, Signal.metrics)
    return Batch([], discarded={METRICS: sum(len(group.records) for group in groups)})


METRIC_RECEIVERS = receivers_of(read_metrics)
