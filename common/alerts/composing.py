"""What a notification says: its message, made of the changes that it tells. Pure.

Used when it is sent and by the preview, so that both say the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.alerts.changes import Change
from common.alerts.message import Message
from common.severities import Severity

LINES_MAX, TITLES_MAX, NAMES_MAX = 30, 10, 5
NO_ENVIRONMENT = "(none)"

# What happened, in words, by the name of the change.
HEADS: Mapping[str, str] = {
    "new": "New: {title}",
    "regressed": "Back again: {title}",
    "spiking": "Spiking: {title}",
    "rising": "Rising: {title}",
    "incident": "Incident in {services}: {title}",
    "worse": "The incident reached {services}: {title}",
    "resolved": "Resolved: {title}",
    "over": "Over: {title}",
    "many": "Many errors: {title}",
    "crossed": "Budget {title} is at {percent} %",
    "breach": "Budget {title} will be exceeded with a chance of {percent} %",
    "spend": "Spending: {title}",
    "silent": "Silent: {title}",
    "late": "The worker is late: {title}",
    "disk": "The disk is filling up: {title}",
    "undelivered": "An alert was not delivered: {title}",
    "held": "{count} alerts were held back: more than {max_per_hour} within an hour",
}
# Facts that are told, in this order, where they are there.
FACT_LINES: Sequence[tuple[str, str]] = (
    ("services", "Services: {}"),
    ("environments", "Environments: {}"),
    ("severity", "Worst severity: {}"),
    ("observed", "Observed: {}"),
    ("expected", "Expected: {}"),
    ("factor", "Factor: {}"),
    ("window", "Within: {}"),
    ("limit", "More than: {}"),
    ("count", "Errors in the last day: {}"),
    ("releases", "Release: {}"),
    ("shared", "In common: {}"),
    ("metric", "In: {}"),
    ("period_start", "Period from: {}"),
    ("exhausted_on", "Reached on: {}"),
    ("full_on", "Full on: {}"),
    ("silent_hours", "Silent for hours: {}"),
    ("late_seconds", "Seconds behind: {}"),
    ("since", "Since: {}"),
    ("told", "The receiver said: {}"),
    ("note", "Note: {}"),
)
TAGS_TOLD = 5


@dataclass(frozen=True, slots=True)
class Place:
    """What a message is said from: the project's name, the rule's, and where the pages are, empty where that is unknown."""

    project: str
    rule: str
    pages: str = ""


def compose(notification_id: UUID, changes: Sequence[Change], left_out: int, place: Place) -> Message:
    """One message for changes, at least one. The worst stands first where there are several."""
    first = max(changes, key=weigh)
    others = [one for one in changes if one is not first]
    facts = first.facts
    return Message(
        notification_id=notification_id,
        incident_key=name_thread(first),
        project=place.project,
        kind=first.name,
        title=head(first) if not others else f"{head(first)} (and {len(others) + left_out} more)",
        happened_at=first.happened_at,
        lines=tuple(write_lines(first, others, left_out, place)),
        severity=facts.get("severity"),
        service=next(iter(facts.get("services") or ()), None),
        environment=next(iter(facts.get("environments") or ()), None) or None,
        url=find_url(first, place.pages),
        facts={
            "changes": [shorten(one) for one in (first, *others)[:TITLES_MAX]],
            "change_count": len(changes) + left_out,
            "rule": place.rule,
        },
    )


def weigh(change: Change) -> tuple[bool, int, float, int]:
    """Which change is told first: what began before what is over, then by severity and rank, the earliest of those."""
    severity = Severity.__members__.get(str(change.facts.get("severity")), Severity.debug)
    return change.name not in {"over", "resolved"}, severity, change.rank(), -change.transition_id.int


def name_thread(change: Change) -> str:
    """The thread that messages of this change belong to: that of its incident, or of what it is about."""
    return change.incident_id or str(change.subject_id)


def head(change: Change) -> str:
    facts = change.facts
    said = {
        "title": change.title,
        "services": join_names(facts.get("services") or ()) or "several services",
        "percent": f"{facts.get('percent', 0):g}",
        "count": facts.get("count", 0),
        "max_per_hour": facts.get("max_per_hour", 0),
    }
    return HEADS.get(change.name, "{title}").format_map(said)


def write_lines(first: Change, others: Sequence[Change], left_out: int, place: Place) -> list[str]:
    """The facts of the first change, the heads of the others, and which rule tells it."""
    lines = [form.format(show(first.facts[name])) for name, form in FACT_LINES if is_said(first.facts.get(name))]
    tags = list((first.facts.get("tags") or {}).items())[:TAGS_TOLD]
    lines += [f"{name}: {value}" for name, value in tags]
    lines += [f"Also: {title}" for title in (first.facts.get("titles") or ())[1:TITLES_MAX]]
    room = max(0, LINES_MAX - len(lines) - 2)
    lines += [head(one) for one in others[:room]]
    if rest := max(0, len(others) - room) + left_out:
        lines.append(f"and {rest} more")
    return [*lines[: LINES_MAX - 1], f"Rule: {place.rule}"]


def is_said(value: Any) -> bool:
    return value is not None and value != [] and value != ""


def show(value: Any) -> str:
    """A fact in words; names that are empty are those of errors without one."""
    if isinstance(value, list):
        return join_names(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def join_names(names: Sequence[Any]) -> str:
    shown = [str(name) or NO_ENVIRONMENT for name in names[:NAMES_MAX]]
    return ", ".join(shown) + (f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else "")


def shorten(change: Change) -> dict[str, Any]:
    """A change as programs read it in a message."""
    return {
        "id": str(change.transition_id),
        "name": change.name,
        "subject": change.subject,
        "subject_id": str(change.subject_id),
        "happened_at": change.happened_at.isoformat(),
        "facts": {name: value for name, value in change.facts.items() if name != "rule"},
    }


# The page that each kind of subject has.
PAGES: Mapping[str, Callable[[Change], str]] = {
    "pattern": lambda change: f"patterns/{change.subject_id}",
    "budget": lambda change: "spend",  # noqa: ARG005
}


def find_pages(public_url: str, project_id: UUID) -> str:
    """Where the project's pages are; empty where nobody said at which address they are reached."""
    return f"{public_url.rstrip('/')}/p/{project_id}" if public_url else ""


def find_url(change: Change, pages: str) -> str | None:
    """Our own page of what the change is about; None where nobody said at which address pages are reached."""
    if not pages:
        return None
    page = PAGES.get(change.subject)
    return f"{pages.rstrip('/')}/{page(change) if page else ''}".rstrip("/")
