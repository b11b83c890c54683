"""The message of an event, and what it was made of: a text, or a template with its values. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.ingest.receivers.sentry.values import as_object, as_text
from common.fingerprint import HOLE

# Where a template takes a value: %s, %(name)d, %5.2f, {}, {0}, {name}.
PARAMETER = re.compile(
    r"%(?:\((?P<old>\w{1,64})\))?[-#0 +]{0,5}\d{0,4}(?:\.\d{0,4})?[sdiourxXeEfFgGcajt@]"
    r"|\{(?P<new>\w{0,64})(?:![sra])?(?::[^{}]{0,32})?\}"
)
TEMPLATE_CHARS = 2_000


class Message(NamedTuple):
    """What was said, and the template with `<*>` for its values where it was made of one."""

    text: str
    template: str | None = None


def read_message(event: Mapping[str, Any]) -> Message:
    """The message of an event: `logentry` goes before `message`, and either may be a text or an object."""
    for sent in (event.get("logentry"), event.get("message")):
        message = read_entry(sent)
        if message.text:
            return message
    return Message("")


def read_entry(sent: Any) -> Message:
    if not isinstance(sent, dict):
        return Message(as_text(sent))
    template, formatted, params = as_text(sent.get("message")), as_text(sent.get("formatted")), sent.get("params")
    text = formatted or fill_in(template, params)
    has_values = (
        template != "" and PARAMETER.search(template) is not None and (bool(params) or formatted not in {"", template})
    )
    return Message(text or template, PARAMETER.sub(HOLE, template[:TEMPLATE_CHARS]) if has_values else None)


def fill_in(template: str, params: Any) -> str:
    """The template with its values, of which each is written plainly: no width that it asks for is believed."""
    if not params:
        return template
    values: Sequence[Any] = params if isinstance(params, list) else ()
    named = as_object(params)
    left = iter(values)

    def value_of(found: re.Match[str]) -> str:
        name = found["old"] or found["new"] or ""
        if not name:
            return as_text(next(left, found[0]))
        if name.isdecimal() and int(name) < len(values):
            return as_text(values[int(name)])
        return as_text(named.get(name, found[0]))

    return PARAMETER.sub(value_of, template[:TEMPLATE_CHARS]) + template[TEMPLATE_CHARS:]
