from api.ingest.receivers.otlp.records import Bounds
from common.settings import Settings


def test_one_more_is_read_of_a_record_than_is_kept() -> None:
    assert Bounds.of(Settings.load(json_max_keys=10, json_max_depth=3)) == Bounds(values=11, depth=4)
