"""How tests of the mapping send records through it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.ingest.receivers.items import Parsed
from api.ingest.receivers.plain import Json, PlainError
from api.ingest.receivers.shipper.joining import Joiner
from api.ingest.receivers.shipper.mapping import Mapped, MappingOptions, map_record, map_whole
from common.severities import Severity

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WARNINGS = MappingOptions(level=Severity.warning, now=NOW)


def error_of(record: Mapping[str, Any], options: MappingOptions = WARNINGS) -> PlainError[Json]:
    """The error that a record must be."""
    mapped = map_record(record, options)
    assert isinstance(mapped, Parsed), mapped
    error: PlainError[Json] = mapped.value
    return error


def map_text(text: str, options: MappingOptions = WARNINGS) -> list[Mapped]:
    """What the lines of a plain log become."""
    joiner = Joiner()
    wholes = [whole for line in text.split("\n") for whole in joiner.feed({"message": line}, "message")]
    return [map_whole(whole, options) for whole in [*wholes, *joiner.flush()]]


def errors_of(text: str, options: MappingOptions = WARNINGS) -> list[PlainError[Json]]:
    return [mapped.value for mapped in map_text(text, options) if isinstance(mapped, Parsed)]
