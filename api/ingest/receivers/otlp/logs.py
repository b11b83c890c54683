"""Log records: those of a severity become errors, with the exception that is in them. Pure."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from api.ingest.receivers.building import build_error
from api.ingest.receivers.items import Batch, Item, Parsed, Rejected, sort_out
from api.ingest.receivers.otlp.encodings import Encoding, receivers_of
from api.ingest.receivers.otlp.errors import (
    EXCEPTION_NAMES,
    NOTHING_RAISED,
    RaisedException,
    Source,
    describe_scope,
    find_exception,
    find_tags,
    leave_out,
    to_text,
    to_time,
    without_empty,
)
from api.ingest.receivers.otlp.identity import Identities
from api.ingest.receivers.otlp.records import Bounds, Group, LogRecord, Origin, Signal, Unreadable
from api.ingest.receivers.plain import Json, PlainError
from api.ingest.receivers.wording import SEVERITY_WORDS
from common.settings import Settings
from common.severities import Severity, SeverityWord

# By fours: TRACE, DEBUG, INFO, WARN, ERROR, FATAL.
SEVERITIES: tuple[SeverityWord, ...] = ("debug", "debug", "info", "warning", "error", "critical")
NUMBERS_OF_ONE = 4
STEP = re.compile(r"[1-4]$")  # as in ERROR2
OTHER_WORDS = {"severe": "error", "dpanic": "critical"}  # of Java's and Go's loggers
RECORDS = "log_records"


def read_logs(encoding: Encoding, body: bytes, settings: Settings) -> Batch[PlainError[Json]]:
    """The errors in a request of log records. Raises Invalid, BodyTooLarge."""
    reading = LogReading(encoding, settings)
    errors = sort_out(item for group in encoding.groups(body, Signal.logs) for item in reading.walk_errors(group))
    return replace(errors, discarded={RECORDS: reading.discarded})


LOG_RECEIVERS = receivers_of(read_logs)


class LogReading:
    """Reads the groups of one request, and counts what it discards."""

    def __init__(self, encoding: Encoding, settings: Settings) -> None:
        self.encoding = encoding
        self.bounds = Bounds.of(settings)
        self.least = Severity[settings.otlp_log_severity]
        self.least_with_exception = Severity[settings.otlp_exception_severity]
        self.least_number = find_least_number(min(self.least, self.least_with_exception))
        self.identities = Identities()
        self.discarded = 0

    def walk_errors(self, group: Group) -> Iterator[Item[PlainError[Json]]]:
        """The errors of a group."""
        maker: ErrorMaker | None = None
        for raw in group.records:
            if 0 < self.encoding.find_severity(raw) < self.least_number:
                self.discarded += 1
                continue
            try:
                record = self.encoding.read_log(raw, self.bounds)
                exception = find_exception(record.attributes)
                severity = judge_severity(record, exception)
                if Severity[severity] < (self.least_with_exception if exception else self.least):
                    self.discarded += 1
                    continue
                maker = maker or self.begin_group(group)
            except Unreadable as error:
                yield Rejected("not_an_object", str(error))
                continue
            yield maker.make(record, severity, exception)

    def begin_group(self, group: Group) -> "ErrorMaker":
        """Raises Unreadable."""
        return ErrorMaker(self.encoding.read_origin(group.resource, group.scope, self.bounds), self.identities)


class ErrorMaker:
    """Makes errors of the log records of one group."""

    def __init__(self, origin: Origin, identities: Identities) -> None:
        self.origin = origin
        self.source = Source.of(origin)
        logger = {"logger": origin.scope_name} if origin.scope_name else {}
        self.tags = find_tags(origin.resource) | logger
        self.scope = describe_scope(origin)
        self.identities = identities
        identities.begin_group(origin)

    def make(
        self, record: LogRecord, severity: SeverityWord, exception: RaisedException | None
    ) -> Parsed[PlainError[Json]]:
        raised = exception or NOTHING_RAISED
        said = to_text(record.body)
        at_ns = record.time_ns or record.observed_ns
        message = raised.message or said or raised.type or record.event_name or record.severity_text
        return build_error(
            service=self.source.service,
            severity=severity,
            message=message,
            event_id=self.identify(record, exception, at_ns),
            timestamp=to_time(at_ns),
            error_type=raised.type or None,
            stack_trace=raised.stack_trace or None,
            environment=self.source.environment,
            release=self.source.release,
            context=self.describe(record, message),
            tags=self.tags | find_tags(record.attributes),
            adjustments=record.adjustments | self.origin.adjustments,
        )

    def identify(self, record: LogRecord, exception: RaisedException | None, at_ns: int) -> UUID:
        """The id of the exception where it is one of a span, which may tell of it too; else that of the record."""
        if exception is not None and record.trace_id and record.span_id:
            return self.identities.of_exception(record.trace_id, record.span_id, exception, at_ns)
        content = (
            record.time_ns, record.observed_ns, record.severity_number, record.severity_text, record.body,
            record.attributes, record.trace_id, record.span_id, record.event_name,
        )  # fmt: skip
        return self.identities.of_content(content, at_ns)

    def describe(self, record: LogRecord, message: str) -> dict[str, Any]:
        """What is kept beside the error's own fields; as `logged` the body where the message is another, or says it as JSON."""
        return without_empty(
            {
                "trace_id": record.trace_id,
                "span_id": record.span_id,
                "logged": record.body if record.body != message else None,
                "event_name": record.event_name,
                "severity_text": record.severity_text,
                "attributes": leave_out(record.attributes, EXCEPTION_NAMES),
                "resource": self.origin.resource,
                "scope": self.scope,
            }
        )


def judge_severity(record: LogRecord, exception: RaisedException | None) -> SeverityWord:
    """What the number says, else the text; of a record without either an exception is an error, and all else information."""
    if record.severity_number > 0:
        return SEVERITIES[min((record.severity_number - 1) // NUMBERS_OF_ONE, len(SEVERITIES) - 1)]
    word = STEP.sub("", record.severity_text.strip().lower())
    told = SEVERITY_WORDS.get(word) or OTHER_WORDS.get(word)
    return cast("SeverityWord", told) if told else "error" if exception else "info"


def find_least_number(least: Severity) -> int:
    """The first number of OTLP that stands for a severity."""
    return SEVERITIES.index(cast("SeverityWord", least.name)) * NUMBERS_OF_ONE + 1 if least else 1
