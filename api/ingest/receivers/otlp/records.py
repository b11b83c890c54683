"""Records of OTLP as both encodings read them: attributes and bodies are values of JSON. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from common.settings import Settings

Attributes = dict[str, Any]
RECORDS_MAX = 100_000  # of one request, groups included: exporters send some hundreds, the Collector 8,192


class Unreadable(ValueError):
    """A body, or a record of it, that is not what its encoding says."""


class TooManyRecords(Exception):
    """A request of more records than are looked at."""


class Signal(Enum):
    """What a request brings, with the names of its three levels in JSON; in protobuf their numbers are the same."""

    logs = ("resourceLogs", "scopeLogs", "logRecords")
    traces = ("resourceSpans", "scopeSpans", "spans")
    metrics = ("resourceMetrics", "scopeMetrics", "metrics")


class Bounds(NamedTuple):
    """How much is read of one record: values in all, and how deep they may be nested. One more of each than is kept, so
    that whoever cuts there tells it."""

    values: int
    depth: int

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        return cls(settings.json_max_keys + 1, settings.json_max_depth + 1)


class Group(NamedTuple):
    """Records of one origin, all of them as they were sent."""

    resource: bytes
    scope: bytes
    records: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made the records of a group: the attributes of a process, and the library or the logger in it."""

    resource: Attributes = field(default_factory=dict)
    scope_name: str = ""
    scope_version: str = ""
    scope_attributes: Attributes = field(default_factory=dict)
    adjustments: int = 0


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A log record. Times are nanoseconds since 1970 and 0 where there is none; ids are hex, empty where there is none;
    `adjustments` are flags of Adjustment."""

    time_ns: int = 0
    observed_ns: int = 0
    severity_number: int = 0
    severity_text: str = ""
    body: Any = None
    attributes: Attributes = field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""
    adjustments: int = 0


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened within a span, as an exception that was recorded."""

    time_ns: int = 0
    name: str = ""
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """An operation, which has ended. `kind` and `status_code` are numbers of OTLP."""

    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    kind: int = 0
    start_ns: int = 0
    end_ns: int = 0
    attributes: Attributes = field(default_factory=dict)
    events: Sequence[SpanEvent] = ()
    status_code: int = 0
    status_message: str = ""
    adjustments: int = 0
