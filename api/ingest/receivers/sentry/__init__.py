"""The receiver of Sentry's protocol: envelopes and bare events become errors, and what else they bring is told apart. Pure.

`envelope` has the framing, `event` what becomes of an event, `reports` what people and SDKs say beside.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from api.http.problems import QuotaExceeded, Unauthorized
from api.ingest.receivers.building import read_json
from api.ingest.receivers.items import Batch, Item, Parsed, Rejected, sort_out
from api.ingest.receivers.json_bounds import is_vast
from api.ingest.receivers.json_text import split_object
from api.ingest.receivers.native import SentError
from api.ingest.receivers.sentry import envelope as framing
from api.ingest.receivers.sentry.event import build_event, is_event, read_id
from api.ingest.receivers.sentry.reports import (
    Loss,
    Said,
    build_feedback,
    read_feedback,
    read_losses,
    read_user_report,
)
from api.ingest.receivers.sentry.stored import unpack_stored
from api.ingest.receivers.sentry.trimming import GROUPING_KEYS
from common.keys import find_dsn_key
from common.settings import Settings
from common.tables import Adjustment

NAME = "sentry"
TRUNCATED = Adjustment.truncated.value
VALUES_MAX, DEPTH_MAX = 20_000, 64  # that are read of an event; of a larger one so many of each of its fields
FIELD_VALUES_MAX = 4_000
# Items that are known and not kept; any other is counted as unknown.
DISCARDED = frozenset({
    "attachment", "check_in", "log", "metric_buckets", "metric_meta", "nel", "otel_log", "profile", "profile_chunk",
    "raw_security", "replay_event", "replay_recording", "replay_video", "security", "session", "sessions", "span", "statsd",
    "trace_metric", "transaction", "unreal_report", "event_user_report", "form_data",
})  # fmt: skip
UNKNOWN = "unknown"


@dataclass(slots=True)
class Reader:
    """Reads one request. `service` is that of events that name none, `make_id` gives ids to those that have none; `dsn_key` is
    the key that the request came with, where that was one of a DSN: an envelope must not name another.

    After `read_envelope` or `read_event` it has what the body brought beside its errors, and the id to answer.
    """

    service: str
    make_id: Callable[[], UUID]
    dsn_key: str | None = None
    over_quota: QuotaExceeded | None = None
    answered_id: UUID | None = None
    feedback: list[Said] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def read_envelope(self, body: bytes, settings: Settings) -> Batch[SentError]:
        """The errors of an envelope. Raises BadRequest where its framing is wrong, Unauthorized, QuotaExceeded."""
        opened = framing.read_envelope(body)
        self.refuse_other_key(opened)
        if self.over_quota is not None and any(item.type != "client_report" for item in opened.items):
            raise self.over_quota
        self.answered_id = read_id(opened.header.get("event_id"))
        self.feedback, self.losses = [], []
        discarded: Counter[str] = Counter()
        batch = sort_out(self.read_items(opened, discarded, settings))
        return Batch(batch.items, batch.adjusted, batch.rejected, discarded)

    def refuse_other_key(self, opened: framing.Envelope) -> None:
        named = find_dsn_key(opened.header.get("dsn"))
        if self.dsn_key is not None and named is not None and named != self.dsn_key:
            raise Unauthorized("the envelope's header names the DSN of another key than the request: send one")

    def read_items(
        self, opened: framing.Envelope, discarded: Counter[str], settings: Settings
    ) -> Iterator[Item[SentError]]:
        """What becomes of each item; one that is no error leaves what it says in this reader."""
        named_id = self.answered_id
        for item in opened.items:
            match item.type:
                case "event":
                    found = self.build(item.payload, named_id, settings, discarded)
                    named_id = None  # of one event
                    if found is not None:
                        yield found
                case "feedback" | "user_report_v2":
                    found = self.take_feedback(item.payload, settings)
                    if found is not None:
                        yield found
                case "user_report":
                    self.feedback += read_user_report(read_object(item.payload), self.answered_id)
                case "client_report":
                    self.losses += read_losses(read_object(item.payload))
                case kind:
                    discarded[kind if kind in DISCARDED else UNKNOWN] += 1

    def read_event(self, body: bytes, settings: Settings) -> Batch[SentError]:
        """The error that is the body, as SDKs sent it before there were envelopes."""
        discarded: Counter[str] = Counter()
        found = self.build(unpack_stored(body, settings.body_max_decoded_bytes), None, settings, discarded)
        batch = sort_out([found] if found is not None else [])
        return Batch(batch.items, batch.adjusted, batch.rejected, discarded)

    def build(
        self, payload: bytes, named_id: UUID | None, settings: Settings, discarded: Counter[str]
    ) -> Item[SentError] | None:
        """The error of an event; None where it is a transaction."""
        try:
            event, adjustments = read_vast_object(payload)
        except ValueError as error:
            return Rejected("not_json", f"an event is no JSON: {str(error)[:200]}")
        if not isinstance(event, dict):
            return Rejected("not_an_object", "an event must be a JSON object")
        if not is_event(event):
            kind = str(event["type"])
            discarded[kind if kind in DISCARDED else UNKNOWN] += 1
            return None
        event_id = named_id or read_id(event.get("event_id")) or self.make_id()
        self.answered_id = self.answered_id or event_id
        is_small = (
            not is_vast(payload, settings.json_max_keys - GROUPING_KEYS) and 4 * len(payload) < settings.error_max_bytes
        )
        built = build_event(event, event_id, self.service, settings, adjustments, is_small=is_small)
        return Parsed(built.value, built.adjustments)

    def take_feedback(self, payload: bytes, settings: Settings) -> Item[SentError] | None:
        """What a person said of an error goes with that; an error of its own where they named none."""
        event = read_object(payload)
        found = read_feedback(event, self.answered_id or self.make_id())
        if found is None:
            return None
        if found.event_id is not None:
            self.feedback.append(found)
            return None
        built = build_feedback(event, found, self.service, settings)
        return Parsed(built.value, built.adjustments)


# Which of both reads a body.
ReadSentry = Callable[[Reader, bytes, Settings], Batch[SentError]]


def read_object(payload: bytes) -> dict[str, Any]:
    """The object that is these bytes; an empty one where they are none."""
    try:
        value, _ = read_vast_object(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def read_vast_object(payload: bytes) -> tuple[Any, int]:
    """The value, and how it was adjusted. Of an object with more values than are read, each field is cut by itself: what matters
    may stand behind what does not. Raises ValueError."""
    if not is_vast(payload, VALUES_MAX):
        return read_json(payload, depth=DEPTH_MAX, values=len(payload))  # no more, so that is not counted again
    fields: dict[str, Any] = {}
    adjustments = 0
    for name, text in split_object(payload).items():
        try:
            fields[name], adjusted = read_json(text, depth=DEPTH_MAX, values=FIELD_VALUES_MAX)
        except ValueError:
            adjusted = TRUNCATED
        adjustments |= adjusted
    return fields, adjustments
