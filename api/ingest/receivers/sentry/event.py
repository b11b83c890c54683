"""An event of Sentry's protocol becomes an error: nothing that an SDK can send is refused. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from api.ingest.receivers.building import build_error
from api.ingest.receivers.items import Parsed
from api.ingest.receivers.plain import DEFAULT_KEY, NAME_MAX_CHARS, Json, PlainError
from api.ingest.receivers.sentry.exceptions import Raised, find_trace, read_exceptions, read_threads, write_trace
from api.ingest.receivers.sentry.messages import Message, read_message
from api.ingest.receivers.sentry.services import find_service
from api.ingest.receivers.sentry.trimming import Sections, fit
from api.ingest.receivers.sentry.values import (
    as_name,
    as_object,
    as_pairs,
    as_text,
    list_values,
    without_nothing,
)
from common.fingerprint import Grouping
from common.settings import Settings
from common.severities import SeverityWord
from common.tables import Adjustment

LEVELS: dict[str, SeverityWord] = {
    **dict.fromkeys(("fatal", "critical"), "critical"),
    "error": "error",
    **dict.fromkeys(("warning", "warn"), "warning"),
    **dict.fromkeys(("info", "log", "notice"), "info"),
    **dict.fromkeys(("debug", "trace", "sample"), "debug"),
}
NORMALIZED, TRUNCATED = Adjustment.normalized.value, Adjustment.truncated.value
IDS = UUID("6a1f4b9e-3f0e-5d0c-9c4e-6b1d0c1f7a52")  # under which ids that are none get one that stays
HEX_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
ERROR_TYPES = {None, "", "default", "error", "message", "csp", "hpkp", "expectct", "expectstaple"}
BREADCRUMBS_MAX = 100
SHORT_FRAMES = 10  # of a thread that did not fail
THREADS_MAX = 20
LAST_SECONDS = 253_402_300_000  # of the year 9999
Built = Parsed[PlainError[Json]]


def build_event(
    event: Mapping[str, Any],
    event_id: UUID,
    service: str,
    settings: Settings,
    adjustments: int = 0,
    *,
    is_small: bool = False,
) -> Built:
    """The error of an event. `service`: whose it is where the event does not say; `is_small`: the event as a whole is known to
    be within the limits of a context."""
    platform = as_text(event.get("platform")) or "other"
    chain, message = read_exceptions(event.get("exception")), read_message(event)
    stack = find_stack(event) if not any(one.stack.frames for one in chain) else None
    first = chain[0] if chain else None
    text = (first.value or message.text or first.type or "") if first else message.text
    tags = {name: value for name, value in as_pairs(event.get("tags")) if value is not None}
    timestamp, is_bad_time = read_time(event.get("timestamp"))
    sections = make_sections(event, chain, message if first else None)
    sections, is_cut = (sections, False) if is_small else fit(sections, settings)
    is_cut = is_cut or any(one.stack.left_out for one in chain)
    return build_error(
        service=find_service(event, tags, service),
        severity=LEVELS.get(as_text(event.get("level")).lower(), "error"),
        message=text or as_text(event.get("transaction")),
        event_id=event_id,
        timestamp=timestamp,
        error_type=first.type if first else None,
        stack_trace=write_trace(platform, [*chain, *([stack] if stack else [])], text) or None,
        environment=as_name(event.get("environment")),
        release=as_name(event.get("release")),
        context=sections,
        tags=tags,
        fingerprint=read_fingerprint(event, first),
        grouping=find_grouping(platform, chain, message, stack),
        adjustments=adjustments | (TRUNCATED if is_cut else 0) | (NORMALIZED if is_bad_time else 0),
    )


def find_stack(event: Mapping[str, Any]) -> Raised | None:
    """The frames of an event whose errors have none: of its threads, else of itself."""
    return read_threads(event.get("threads")) or read_threads([{"stacktrace": event.get("stacktrace")}])


def find_grouping(platform: str, chain: list[Raised], message: Message, stack: Raised | None) -> Grouping:
    """By the frames of the errors; else, where there is a message, by what it was made of, since where a message was logged
    says little of what went wrong; else by the frames of the thread."""
    trace = find_trace(platform, chain)
    if trace is None and stack is not None and (chain or not message.text):
        types = [Raised(chain[0].type, "", chain[0].module, {}, stack.stack)] if chain else [stack]
        trace = find_trace(platform, types)
    template = message.template or (message.text if stack else None) if trace is None and not chain else None
    return Grouping(trace, template)


def read_time(sent: Any) -> tuple[datetime | None, bool]:
    """When it happened, as text of RFC 3339 or seconds since 1970; and whether something was sent that is none."""
    if sent is None or sent == "":
        return None, False
    try:
        if isinstance(sent, str) and not is_number(sent):
            return msgspec.convert(sent.strip(), datetime), False
        seconds = float(sent) if not isinstance(sent, bool) else -1.0
        return (datetime.fromtimestamp(seconds, UTC), False) if 0 < seconds < LAST_SECONDS else (None, True)
    except (ValueError, TypeError, OverflowError):  # msgspec's are of the first
        return None, True


def is_number(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdecimal()


def read_id(sent: Any) -> UUID | None:
    """The id of an event: 32 hex digits, dashed or not. What else was sent as one gets an id that stays; None where
    nothing was."""
    text = as_text(sent).strip()
    if not text:
        return None
    return UUID(text) if HEX_ID.fullmatch(text) else uuid5(IDS, text[:NAME_MAX_CHARS])


def read_fingerprint(event: Mapping[str, Any], first: Raised | None) -> str | None:
    """What the client groups it by; None for what it would be grouped by anyway."""
    sent = event.get("fingerprint")
    if not sent:
        return None
    parts = [as_text(part) for part in (sent if isinstance(sent, list) else [sent]) if part is not None]
    facts = {
        "default": DEFAULT_KEY,
        "level": as_text(event.get("level")),
        "logger": as_text(event.get("logger")),
        "transaction": as_text(event.get("transaction")),
        **dict.fromkeys(("type", "error.type"), (first.type or "") if first else ""),
        **dict.fromkeys(("value", "error.value"), first.value if first else ""),
    }
    written = [VARIABLE.sub(lambda found: facts.get(found[1], found[0]), part) for part in parts[:20]]
    joined = " ".join(filter(None, written))
    return joined if joined not in {"", DEFAULT_KEY} else None


def make_sections(event: Mapping[str, Any], chain: list[Raised], logged: Message | None) -> Sections:
    """What is kept of an event beside the fields of its error, under names of its own; what matters most first. `logged`: the
    message of an event that has an error beside it."""
    contexts = as_object(event.get("contexts"))
    trace = as_object(contexts.get("trace"))
    return without_nothing(
        {
            "exception": [one.kept() for one in chain] or None,
            "logged": logged.text if logged else None,
            "trace_id": as_name(trace.get("trace_id")),
            "span_id": as_name(trace.get("span_id")),
            "transaction": as_name(event.get("transaction")),
            "logger": as_name(event.get("logger")),
            "server_name": as_name(event.get("server_name")),
            "dist": as_name(event.get("dist")),
            "user": event.get("user"),
            "request": keep_request(event.get("request")),
            "breadcrumbs": keep_breadcrumbs(event.get("breadcrumbs")),
            "contexts": dict(contexts),
            "extra": event.get("extra"),
            "threads": keep_threads(event.get("threads")),
            "platform": as_name(event.get("platform")),
            "sdk": keep_sdk(event.get("sdk")),
            "modules": keep_modules(event.get("modules")),
        }
    )


def keep_request(sent: Any) -> dict[str, Any]:
    """The request; what may be a map, or pairs, is a map."""
    kept = dict(as_object(sent))
    for name in ("headers", "cookies", "env"):
        if isinstance(kept.get(name), list):
            kept[name] = dict(as_pairs(kept[name]))
    if isinstance(kept.get("query_string"), list | dict):
        pairs = [f"{name}={as_text(value)}" for name, value in as_pairs(kept["query_string"])]
        kept["query_string"] = "&".join(pairs)
    return without_nothing(kept)


def keep_breadcrumbs(sent: Any) -> list[Any] | None:
    """The latest ones, oldest first."""
    return [without_nothing(one) for one in list_values(sent)[-BREADCRUMBS_MAX:]] or None


def keep_threads(sent: Any) -> list[dict[str, Any]] | None:
    """Each thread in short: who it is, and where it was."""
    kept = []
    for thread in list_values(sent)[:THREADS_MAX]:
        frames = read_threads([thread])
        facts = {name: thread.get(name) for name in ("id", "name", "crashed", "current", "main", "state")}
        where = [frame.name for frame in reversed(frames.stack.frames[-SHORT_FRAMES:])] if frames else None
        kept.append(without_nothing({**facts, "frames": where}))
    return kept or None


def keep_sdk(sent: Any) -> str | None:
    """Name and version in one."""
    sdk = as_object(sent)
    return " ".join(filter(None, (as_text(sdk.get("name")), as_text(sdk.get("version"))))) or None


def keep_modules(sent: Any) -> str | None:
    """Name and version of each in a line: as a map they would be hundreds of keys, of which some read as those of secrets."""
    if type(sent) is dict:
        try:
            return "\n".join(map(" ".join, sent.items())) or None
        except TypeError:
            pass  # a version that is no text
    return "\n".join([f"{as_text(name)} {as_text(version)}" for name, version in as_pairs(sent)]) or None


def is_event(event: Mapping[str, Any]) -> bool:
    """Whether this is an event that tells of an error: transactions have a type of their own."""
    kind = event.get("type")
    return isinstance(kind, int | float | list | dict) or kind in ERROR_TYPES
