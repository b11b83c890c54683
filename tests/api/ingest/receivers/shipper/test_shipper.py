"""A body becomes a batch: errors with ids of their records, what is discarded by its reason, what is unreadable by its place."""

from api.ingest.receivers.shipper import shipper_receiver
from api.ingest.receivers.shipper.mapping import MappingOptions
from common.settings import Settings

SETTINGS = Settings.load()
RECEIVER = shipper_receiver(MappingOptions())
BODY = b"""{"level":"error","msg":"a","time":"2026-11-23T18:04:05Z"}
{"level":"error","msg":"a","time":"2026-11-23T18:04:05Z"}
{"level":"info","msg":"b"}
{"level":"error","msg":"without a time"}
it goes well
{"level":
"""


def test_what_a_body_brings() -> None:
    batch = RECEIVER.read(BODY, SETTINGS)
    assert [error.message for error in batch.items] == ["a", "a", "without a time"]
    assert batch.discarded == {"below_level": 1, "without_level": 1}
    assert [rejected.reason for rejected in batch.rejected.values()] == ["not_json"]


def test_what_is_sent_again_has_the_same_ids() -> None:
    first, second, without = [error.event_id for error in RECEIVER.read(BODY, SETTINGS).items]
    assert (first, second, without) == tuple(error.event_id for error in RECEIVER.read(BODY, SETTINGS).items)
    assert first != second
    assert without is None


def test_what_had_to_be_adjusted_is_told_of_its_record_alone() -> None:
    batch = RECEIVER.read(b'{"level":"error","msg":"a\\u0000"}\n{"level":"error","msg":"b"}', SETTINGS)
    assert list(batch.adjusted) == [0]
