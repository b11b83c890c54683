from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from api.ingest.receivers.otlp.encodings import JSON_ENCODING, PROTOBUF_ENCODING
from api.ingest.receivers.otlp.metrics import read_metrics
from common.settings import Settings
from tests.api.ingest.receivers.otlp.messages import encode


def test_metrics_are_counted_and_discarded() -> None:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.extend([Metric(name="a"), Metric(name="b")])
    for encoding in (PROTOBUF_ENCODING, JSON_ENCODING):
        batch = read_metrics(encoding, encode(request, encoding.media_type), Settings.load())
        assert (list(batch.items), dict(batch.discarded)) == ([], {"metrics": 2})
