"""What a log record says of an exception: in fields of their own, as one object or text, or within its message. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.ingest.receivers.shipper import names
from api.ingest.receivers.shipper.names import Record
from api.ingest.receivers.shipper.traces import HEAD, IS_EXCEPTION, find_raised, is_frame

FRAMES_MAX, LINKS_MAX = 500, 8  # of a list of frames; of a chain of causes


class Failure(NamedTuple):
    """An exception; what the record does not say of it is empty."""

    type: str = ""
    message: str = ""
    stack: str = ""

    def filled(self, other: "Failure") -> "Failure":
        """With what the other knows and this one does not."""
        return Failure(self.type or other.type, self.message or other.message, self.stack or other.stack)


NONE = Failure()


def take_failure(record: Record) -> Failure:
    """What the fields of a record say of an exception."""
    stack = record.take(names.STACKS, lambda value, _: read_stack(value)) or ""
    stated = Failure(
        record.take(names.ERROR_TYPES, read_name) or "",
        record.take(names.ERROR_MESSAGES, lambda value, _: read_words(value)) or "",
        stack,
    )
    whole = record.take(names.FAILURES, lambda value, _: read_failure(value)) or NONE
    if stated.stack in whole.stack:
        stated = stated._replace(stack=whole.stack)  # with its causes
    failure = stated.filled(whole)
    if not failure.stack:
        failure = failure.filled(record.take(names.WITH_TRACES, lambda value, _: read_trace(value)) or NONE)
    return failure.filled(of_text(failure.stack)) if failure.stack else failure


def read_trace(value: Any) -> Failure | None:
    """Of a text that has a trace in it."""
    raised = find_raised(value) if isinstance(value, str) else None
    return Failure(raised.type or "", raised.message, raised.trace) if raised else None


def read_name(value: Any, _name: str = "") -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() and "\n" not in value.strip() else None


def read_words(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def read_failure(value: Any) -> Failure | None:
    """Of what loggers write under `exception`, `error` or `err`; None where it says nothing of one."""
    if isinstance(value, str):
        return of_text(value) if value.strip() else None
    if isinstance(value, list):
        return of_list(value)
    return of_object(value, LINKS_MAX) if isinstance(value, dict) else None


def of_text(text: str) -> Failure:
    """A trace is taken apart; `KeyError: 'x'` is a type and a message; other words are a message."""
    if (raised := find_raised(text)) is not None:
        return Failure(raised.type or "", raised.message, text)
    found = HEAD.match(text) if "\n" not in text else None
    if found and IS_EXCEPTION.search(found[1]):
        return Failure(found[1], (found[2] or "").strip())
    return Failure(stack=text) if "\n" in text.strip() else Failure(message=text.strip())


def of_list(values: list[Any]) -> Failure | None:
    """Lines or frames of one trace, or the exceptions of a chain, of which the last was raised (as structlog has them, first)."""
    if stack := read_stack(values):
        return of_text(stack)
    links = [link for value in values[:LINKS_MAX] if isinstance(value, dict) if (link := of_object(value, 1))]
    return links[0] if links else None


def of_object(value: Mapping[str, Any], depth: int) -> Failure | None:
    """An exception as an object, by whatever names, and its causes after it."""
    inner = Record(value)
    failure = Failure(
        inner.take(TYPE_KEYS, read_name) or "",
        inner.take(MESSAGE_KEYS, lambda part, _: read_words(part)) or "",
        inner.take(STACK_KEYS, lambda part, _: read_stack(part)) or "",
    )
    if failure.stack and not failure.type:
        failure = failure.filled(of_text(failure.stack))
    cause = inner.take(
        CAUSE_KEYS, lambda part, _: of_object(part, depth - 1) if isinstance(part, dict) and depth else None
    )
    if cause and cause.stack and cause.stack not in failure.stack:
        failure = failure._replace(stack=f"{failure.stack}\nCaused by: {cause.stack}".strip())
    return failure if any(failure) else None


TYPE_KEYS = ("type", "class", "name", "classname", "kind", "exctype", "errorclass", "typename")
MESSAGE_KEYS = ("message", "msg", "value", "excvalue", "errormessage", "detail", "description", "reason")
STACK_KEYS = (
    "stacktrace", "stack", "backtrace", "traceback", "stacktracestring", "extendedstacktrace", "trace", "frames",
    "stackframes",
)  # fmt: skip
CAUSE_KEYS = ("cause", "inner", "innerexception", "causedby", "previous")


def read_stack(value: Any) -> str | None:
    """A stack as text; None for what is none: a text of one line is one where it is a frame."""
    if isinstance(value, str):
        text = value.strip("\r\n")
        is_stack = "\n" in text.strip() or is_frame(text) or find_raised(text) is not None
        return text.replace("\r\n", "\n") if is_stack else None
    if isinstance(value, list) and value:
        lines = [line for frame in value[:FRAMES_MAX] if (line := write_frame(frame))]
        return "\n".join(lines) if len(lines) == len(value[:FRAMES_MAX]) else None
    return None


def write_frame(frame: Any) -> str | None:
    """One line of a stack, of a frame as a text or as an object."""
    if isinstance(frame, str):
        return frame.rstrip("\r\n")
    if not isinstance(frame, dict):
        return None
    fields = Record(frame)
    file = fields.take(("file", "filename", "abspath", "path", "source"), read_name)
    line = fields.take(
        ("line", "lineno", "linenumber"), lambda value, _: str(value) if isinstance(value, int) else None
    )
    function = fields.take(("method", "function", "name", "func", "methodname", "functionname"), read_name)
    of_class = fields.take(("class", "classname", "module", "declaringclass"), read_name)
    if not (file or function):
        return None
    if file and file.endswith(".py"):
        return f'  File "{file}", line {line or 0}, in {function or "?"}'
    called = ".".join(filter(None, (of_class, function))) or "?"
    return f"\tat {called}({file or 'Unknown Source'}{f':{line}' if file and line else ''})"
