"""What a message says in each form: JSON for programs, text and HTML for mail, plain words for chats. Pure.

Our own link is the only one in any of them: what came from an error is `inert` wherever a person reads it.
"""

from collections.abc import Callable, Mapping
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


def clean_facts(value: Any) -> Any:
    """The same JSON with its texts cleaned."""
    match value:
        case str():
            return clean(value, LINE_CHARS)
        case Mapping():
            return {clean(str(name), NAME_CHARS): clean_facts(one) for name, one in value.items()}
        case list() | tuple():
            return [clean_facts(one) for one in value]
    return value


def as_event(message: Message) -> bytes:
    """The body of a webhook, by the form that Standard Webhooks proposes. Texts are cleaned, and stay what they say."""
    data: dict[str, Any] = {
        "id": str(message.notification_id),
        "incident": message.incident_key,
        "project": clean(message.project, NAME_CHARS),
        "kind": message.kind,
        "title": title_of(message),
        "lines": lines_of(message),
        "severity": message.severity,
        "service": message.service and clean(message.service, NAME_CHARS),
        "environment": message.environment and clean(message.environment, NAME_CHARS),
        "url": message.url,
        "facts": clean_facts(message.facts),
    }
    return to_json({"type": f"alert.{message.kind}", "timestamp": message.happened_at, "data": data})


def heading_of(message: Message) -> str:
    """What is new of which error: `New: payment failed`."""
    return f"{clean(message.kind, 60).capitalize()}: {title_of(message)}"


def as_text(message: Message) -> str:
    """Plain text, for mail."""
    labels = " · ".join(f"{name} {inert(value)}" for name, value in labels_of(message))
    parts = [inert(heading_of(message)), labels, "", *map(inert, lines_of(message))]
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
        f"<h2>{escape(inert(heading_of(message)))}</h2><table>{labels}</table>{lines}{link}</body></html>"
    )


def thread_subject(message: Message) -> str:
    """The subject of mails: the same for all of an incident, since mail programs part threads by it. What is new is the first
    line of the text."""
    return f"[{clean(message.project, 60)}] {title_of(message)}"


def chat_title(message: Message) -> str:
    """One line for chats and pagers, inert."""
    return inert(f"[{clean(message.project, 60)}] {heading_of(message)}")


def chat_body(message: Message, escaped: Callable[[str], str] = str) -> str:
    """What stands under it, inert, our own link as the last line. `escaped` is for services that read Markdown."""
    labels = " · ".join(f"{name} {inert(value)}" for name, value in labels_of(message) if name != "Project")
    parts = [escaped(labels), *(escaped(inert(line)) for line in lines_of(message)), message.url or ""]
    return "\n".join(part for part in parts if part) or escaped(inert(title_of(message)))
