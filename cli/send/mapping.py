"""From the records of one input to errors with ids, by the mapping that shippers have too.

An id is made of the error, the number of its record in the input, and the input's name; it is a UUIDv7 of the error's time,
or of the time when the file was changed where it has none. So what is sent again, after a failure or by mistake, is known
again, and of a log that has grown only what is new is stored.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

import msgspec

from api.ingest.receivers.items import Rejected
from api.ingest.receivers.plain import Json, PlainError
from api.ingest.receivers.shipper.bodies import MESSAGE
from api.ingest.receivers.shipper.ids import digest_of, make_id
from api.ingest.receivers.shipper.joining import Joiner, Whole
from api.ingest.receivers.shipper.mapping import Discarded, MappingOptions, guess_message, map_whole
from api.ingest.receivers.shipper.names import Record, normalize
from cli.send.splitting import Found

FIELDS = (
    "service", "severity", "message", "event_id", "timestamp", "error_type", "stack_trace", "environment", "release",
    "fingerprint",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One error as JSON, and where it stood."""

    place: str
    body: bytes


class Unsent(NamedTuple):
    """A record that is not sent: it cannot be read, for a reason, or it is none that should be (`what`)."""

    place: str
    reason: str = ""
    what: str = ""


class InputMapping:
    """Maps the records of one input, joined; counts them."""

    def __init__(self, name: str, changed_ms: int, options: MappingOptions) -> None:
        self.name = name
        self.key = name.encode()[-64:]
        self.changed_ms = changed_ms
        self.options = options
        self.number = 0
        self.place = ""
        self.missing = {normalize(column): column for column in options.columns.values()}

    def map_all(self, found: Iterable[Found | None]) -> Iterator[Line | Unsent | None]:
        """None where nothing came for a second; all that was held back has come by then."""
        joiner = Joiner()
        for one in found:
            if one is None:
                yield from map(self.map_one, joiner.flush())
                yield None
            elif one.problem:
                yield Unsent(f"{self.name}:{one.number}", one.problem)
            else:
                yield from map(self.map_one, joiner.feed(one.record, MESSAGE if one.is_plain else None))
                self.place = f"{self.name}:{one.number}"
        yield from map(self.map_one, joiner.flush())

    def map_one(self, whole: Whole) -> Line | Unsent:
        self.number += 1
        place = self.place or f"{self.name}:1"
        if self.missing:
            self.missing = {
                key: column for key, column in self.missing.items() if key not in Record(whole.record).paths
            }
        mapped = map_whole(whole, self.options)
        if isinstance(mapped, Discarded):
            return Unsent(place, what=mapped.what)
        if isinstance(mapped, Rejected):
            guess = guess_message(whole.record)
            return Unsent(place, f"{mapped.detail}: --column message={guess}" if guess else mapped.detail)
        return Line(place, self.dump(mapped.value))

    def dump(self, error: PlainError[Json]) -> bytes:
        """The error as it is sent."""
        fields = {name: value for name in error.__struct_fields__ if (value := getattr(error, name)) is not None}
        if error.event_id is None:
            fields["event_id"] = self.make_id(error, fields)
        return msgspec.json.encode(fields)

    def make_id(self, error: PlainError[Json], fields: Mapping[str, object]) -> UUID:
        at = error.timestamp
        milliseconds = int(at.timestamp() * 1_000) if at is not None else self.changed_ms
        return make_id(digest_of(fields, self.key), self.number, milliseconds)


def with_severity(options: MappingOptions, *, names_level: bool) -> MappingOptions:
    """Where nothing in an input says how bad it is, all of it is errors."""
    return options if options.severity or names_level else replace(options, severity="error")
