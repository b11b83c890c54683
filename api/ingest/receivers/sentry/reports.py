"""What comes beside events: what people say of an error, and what SDKs say that they dropped. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from api.ingest.receivers.sentry.event import IDS, Built, build_event, read_id
from api.ingest.receivers.sentry.values import as_count, as_list, as_name, as_object, as_text
from api.ingest.sanitize.cleaning import clean_text
from api.ingest.sanitize.redaction import redact_text
from common.settings import Settings

FEEDBACK_TYPE, FEEDBACK_GROUP = "UserFeedback", "user feedback"
MESSAGE_CHARS, NAME_CHARS = 8_000, 200
LOSSES_MAX, WORD_CHARS = 100, 40  # of one report; of a reason and a category
# The lists of a client report, and what is said of each where it gives no reason.
LOST = {"discarded_events": "unknown", "rate_limited_events": "ratelimit", "filtered_events": "filtered",
        "filtered_sampling_events": "sampled"}  # fmt: skip


class Said(NamedTuple):
    """What a person said, of the error of this id or of none in particular."""

    feedback_id: UUID
    event_id: UUID | None
    name: str | None
    email: str | None
    message: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Loss:
    """How many of a category an SDK dropped, and why, in its words."""

    reason: str
    category: str
    count: int


def read_user_report(report: Mapping[str, Any], default_id: UUID | None) -> Iterator[Said]:
    """What was said in the older form."""
    event_id, message = read_id(report.get("event_id")) or default_id, keep(report.get("comments"), MESSAGE_CHARS)
    if event_id is None or message is None:
        return
    own_id = uuid5(IDS, f"{event_id} {message}")
    name, email = keep(report.get("name")), keep(report.get("email"))
    yield Said(own_id, event_id, name, email, message, None)


def read_feedback(event: Mapping[str, Any], default_id: UUID) -> Said | None:
    """What was said in the newer form, which is an event with a context of its own; None where nothing was."""
    said = as_object(as_object(event.get("contexts")).get("feedback"))
    message = keep(said.get("message"), MESSAGE_CHARS)
    if message is None:
        return None
    own_id = read_id(event.get("event_id")) or default_id
    event_id = read_id(said.get("associated_event_id"))
    name, email, url = (keep(said.get(part)) for part in ("name", "contact_email", "url"))
    return Said(own_id, event_id, name, email, message, url)


def build_feedback(event: Mapping[str, Any], feedback: Said, service: str, settings: Settings) -> Built:
    """An error for what was said of no error in particular: mild, and grouped with all others of its kind."""
    said = {"exception": None, "logentry": None, "message": feedback.message, "level": "info"}
    built = build_event({**event, **said}, feedback.feedback_id, service, settings)
    built.value.error_type, built.value.fingerprint = FEEDBACK_TYPE, FEEDBACK_GROUP
    return built


def keep(sent: Any, most: int = NAME_CHARS) -> str | None:
    """A text as it is kept: cleaned, cut, without secrets."""
    name = as_name(sent)
    return redact_text(clean_text(name)[:most])[0] if name else None


def read_losses(report: Mapping[str, Any]) -> list[Loss]:
    """What a client report says was dropped."""
    found: list[Loss] = []
    for place, unsaid in LOST.items():
        for one in as_list(report.get(place))[:LOSSES_MAX]:
            count = as_count(one.get("quantity")) if isinstance(one, dict) else None
            if count:
                reason, category = word(one.get("reason")) or unsaid, word(one.get("category")) or "unknown"
                found.append(Loss(reason, category, count))
    return found


def word(sent: Any) -> str:
    """A word of the protocol, as it may be counted under."""
    return "".join(
        sign for sign in as_text(sent).lower()[:WORD_CHARS] if sign.isascii() and (sign.isalnum() or sign in "_-:.")
    )
