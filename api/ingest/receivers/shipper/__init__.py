"""What log shippers post, as a batch of errors: records become errors by one mapping (`mapping`), below a level none. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import cast

from api.ingest.receivers import Receiver
from api.ingest.receivers.items import Batch, Item, Parsed, Rejected, sort_out
from api.ingest.receivers.native import SentError
from api.ingest.receivers.shipper.bodies import MESSAGE, Sent, Walk, read_records
from api.ingest.receivers.shipper.ids import RequestIds
from api.ingest.receivers.shipper.joining import Joiner, Whole
from api.ingest.receivers.shipper.mapping import Discarded, MappingOptions, map_whole
from api.ingest.receivers.shipper.packed_bodies import walk_packed
from common.settings import Settings


def shipper_receiver(options: MappingOptions, content_type: str = "") -> Receiver[SentError]:
    """The receiver of one request: who sends may say what its records do not. All types are read as text but one."""
    walk = walk_packed if "msgpack" in content_type.lower() else None
    return Receiver("shipper", (), partial(read_batch, options=options, walk=walk))


def read_batch(
    body: bytes, settings: Settings, *, options: MappingOptions, walk: Walk | None = None
) -> Batch[SentError]:
    """The errors of a body. Raises Invalid where it has too many records, BodyTooLarge."""
    discarded: Counter[str] = Counter()
    ids = RequestIds()
    items = list(map_all(join_all(read_records(body, settings, walk)), options, ids, discarded))
    return replace(sort_out(items), discarded=discarded)


def join_all(sent: Iterable[Sent | Rejected]) -> Iterator[Whole | Rejected]:
    """The records with the lines that belong to them."""
    joiner = Joiner()
    for one in sent:
        if isinstance(one, Rejected):
            yield one
        elif one.adjustments:  # what had to be adjusted is told of one record, not of its company
            yield Whole(one.record, adjustments=one.adjustments)
        else:
            yield from joiner.feed(one.record, MESSAGE if one.is_plain else None)
    yield from joiner.flush()


def map_all(
    records: Iterable[Whole | Rejected], options: MappingOptions, ids: RequestIds, discarded: Counter[str]
) -> Iterator[Item[SentError]]:
    """The error of each record; those that are none are counted."""
    for whole in records:
        mapped = whole if isinstance(whole, Rejected) else map_whole(whole, options)
        if isinstance(mapped, Discarded):
            discarded[mapped.what] += 1
        elif isinstance(mapped, Rejected) or isinstance(whole, Rejected):
            yield cast("Rejected", mapped)
        else:
            error = mapped.value
            if error.event_id is None and error.timestamp is not None:
                error.event_id = ids.of(whole.record, error.timestamp)
            yield Parsed(error, mapped.adjustments)
