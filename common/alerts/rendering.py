"""What a message says in each form: JSON for programs, text and HTML for mail, plain words for chats. Pure.

Our own link is the only one in any of them: what came from an error is `inert` wherever a person reads it.
"""

from html import escape
from typing import Any

from pydantic_core import to_json

from common.alerts.message import Message
from common.alerts.wording import clean, inert

TITLE_CHARS, LINE_CHARS, LINES_MAX, NAME_CHARS = 300, 1_000, 40, 200


def title_of(message: Message) -> str:
    return clean(message.title, TITLE_CHARS) or "(no title)"


def lines_of(message: Message) -> list[str]:
    return [clean(line, LINE_CHARS) for line in message.lines[:LINES_MAX]]


def labels_of(message: Message) -> list[tuple[str, str]]:
    """Where it happened, as far as that is known."""
    named = (
        ("Project", message.project),
        ("Service", message.service),
        ("Environment", message.environment),
        ("Severity", message.severity),
    )
    return [(name, clean(value, NAME_CHARS)) for name, value in named if value]


def subject_of(message: Message) -> str:
    """One line for lists of messages: `[shop] New: payment failed`."""
    return f"[{clean(message.project, 60)}] {clean(message.kind, 60).capitalize()}: {title_of(message)}"


def as_event(message: Message) -> bytes:
    """The body of a webhook, by the form that Standard Webhooks proposes. Texts are cleaned, and stay what they say."""
    data: dict[str, Any] = {
        "id": str(message.notification_id),
        "incident": message.incident_key,
        "project": message.project,
        "kind": message.kind,
        "title": title_of(message),
        "lines": lines_of(message),
        "severity": message.severity,
        "service": message.service and clean(message.service, NAME_CHARS),
        "environment": message.environment and clean(message.environment, NAME_CHARS),
        "url": message.url,
        "facts": dict(message.facts),
    }
    return to_json({"type": f"alert.{message.kind}", "timestamp": message.happened_at, "data": data})


def as_text(message: Message) -> str:
    """Lines of plain text, without the subject: for mail and chats alike."""
    labels = " · ".join(f"{name} {inert(value)}" for name, value in labels_of(message))
    parts = [inert(title_of(message)), labels, "", *map(inert, lines_of(message))]
    if message.url:
        parts += ["", message.url]
    return "\n".join(parts).strip() + "\n"


def as_html(message: Message) -> str:
    """A small HTML document, with nothing in it that is fetched."""
    labels = "".join(
        f"<tr><th align=left>{name}</th><td>{escape(inert(value))}</td></tr>" for name, value in labels_of(message)
    )
    lines = "".join(f"<p>{escape(inert(line))}</p>" for line in lines_of(message))
    link = f'<p><a href="{escape(message.url)}">Open in Mayday</a></p>' if message.url else ""
    return (
        '<!doctype html><html><head><meta charset="utf-8"></head><body>'
        f"<h2>{escape(inert(title_of(message)))}</h2><table>{labels}</table>{lines}{link}</body></html>"
    )
