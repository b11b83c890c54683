"""Frames of Sentry's protocol: what is kept of each, what groups are made of, and the trace as its language writes it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from api.ingest.receivers.sentry.values import (
    as_count,
    as_object,
    as_text,
    list_values,
)
from common.fingerprint import Frame

FRAMES_MAX = 200  # of one error; of a deeper recursion the first and the last
SOURCE_LINES = 20  # of context before a line, and after it
LEFT_OUT = "(frames left out)"
# What of a frame is of the program: all but its locals.
OF_PROGRAM = (
    "module", "function", "abs_path", "filename", "lineno", "colno", "in_app", "package", "instruction_addr", "context_line",
    "pre_context", "post_context",
)  # fmt: skip
FRAMES_ENTRIES, FRAME_CHARS = 2_048, 2_048


def text_of(value: Any) -> str:
    """As `as_text`, at once for what nearly all are."""
    return value if type(value) is str else as_text(value)


@dataclass(slots=True)
class StackFrame:
    """One frame as it was sent, without its locals: what is of the program, which comes again with each error of its kind. `path`
    is the longest that is known of its file, `code` the line itself; `kept` is what is kept of it in the context."""

    module: str
    function: str
    path: str
    line: int | None
    column: int | None
    in_app: bool | None
    code: str
    package: Any
    address: Any
    kept: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "StackFrame":
        return cls.read(*[raw.get(name) for name in OF_PROGRAM])

    @classmethod
    def read(
        cls, module: Any, function: Any, abs_path: Any, filename: Any, line: Any, column: Any, in_app: Any, package: Any,
        address: Any, code: Any, before: Any, after: Any,
    ) -> "StackFrame":  # fmt: skip
        """The frame of the values of OF_PROGRAM, whatever stands there."""
        frame = cls(
            text_of(module),
            text_of(function),
            text_of(abs_path) or text_of(filename),
            line if type(line) is int and 0 <= line < 2**53 else as_count(line),
            as_count(column) if column is not None else None,
            in_app if in_app is True or in_app is False else None,
            text_of(code).strip(),
            package,
            address,
        )
        frame.keep()
        frame.keep_source(code, before, after)
        return frame

    @property
    def for_grouping(self) -> Frame:
        return Frame(self.module, self.function, self.path, self.in_app, self.code)

    @property
    def name(self) -> str:
        """Qualified, as languages name what has no file."""
        return f"{self.module}.{self.function}" if self.module else self.function or "?"

    def keep(self) -> None:
        facts = {
            "function": self.function or None, "module": self.module or None, "file": self.path or None, "line": self.line,
            "column": self.column, "in_app": self.in_app, "package": self.package or None, "address": self.address or None,
        }  # fmt: skip
        self.kept = {name: value for name, value in facts.items() if value is not None}

    def keep_source(self, code: Any, before: Any, after: Any) -> None:
        """The lines around, as one text, and the number of the first."""
        if not isinstance(code, str):
            return
        before, after = texts_of(before)[-SOURCE_LINES:], texts_of(after)[:SOURCE_LINES]
        self.kept["source"] = "\n".join([*before, code, *after])
        if self.line is not None and before:
            self.kept["source_from"] = max(self.line - len(before), 0)


def texts_of(lines: Any) -> list[str]:
    return [one for one in lines if isinstance(one, str)] if isinstance(lines, list | tuple) else []


# By type too: 1 is not true.
remember_frame = lru_cache(maxsize=FRAMES_ENTRIES, typed=True)(StackFrame.read)


def recall_frame(raw: Mapping[str, Any]) -> StackFrame:
    """The frame, which is read once while it comes again; what is large, or holds what no frame should, each time."""
    *facts, before, after = told = [raw.get(name) for name in OF_PROGRAM]
    lines: list[str] = []
    for one in facts:
        if type(one) is str:
            lines.append(one)
        elif not (one is None or type(one) is int or type(one) is bool):
            return StackFrame.read(*told)
    try:
        text = "".join(lines + (before or []) + (after or []))
    except TypeError:
        return StackFrame.read(*told)
    if len(text) > FRAME_CHARS or not text.isascii():
        return StackFrame.read(*told)
    return remember_frame(*facts, tuple(before or ()), tuple(after or ()))


@dataclass(slots=True)
class Stack:
    """The frames of one error, outermost first as the protocol has them, and the locals of each; `left_out` is whether there
    were more."""

    frames: list[StackFrame]
    locals: list[Any] = field(default_factory=list)
    left_out: bool = False

    @classmethod
    def of(cls, stacktrace: Any) -> "Stack":
        """Those of `{"frames": [...]}`, also where the list stands there alone."""
        raw = as_object(stacktrace).get("frames") if isinstance(stacktrace, dict) else stacktrace
        found = list_values(raw) if isinstance(raw, list) else []
        left_out = len(found) > FRAMES_MAX
        if left_out:
            half = FRAMES_MAX // 2
            found = [*found[:half], *found[-half:]]
        return cls([recall_frame(one) for one in found], [one.get("vars") for one in found], left_out)

    def kept(self) -> list[dict[str, Any]]:
        """What is kept of each in the context, innermost first."""
        kept = [
            {**frame.kept, "locals": locals_} if locals_ else dict(frame.kept)
            for frame, locals_ in zip(self.frames, self.locals, strict=True)
        ]
        return kept[::-1]

    def outermost_first(self) -> Iterator[StackFrame | None]:
        """The frames, with None where some were left out."""
        for number, frame in enumerate(self.frames):
            if self.left_out and number == FRAMES_MAX // 2:
                yield None
            yield frame

    def innermost_first(self) -> list[StackFrame | None]:
        return list(self.outermost_first())[::-1]


Lines = list[str]


def place_of(frame: StackFrame) -> str:
    """file:line:column, as far as they are known."""
    numbers = "".join(f":{number}" for number in (frame.line, frame.column) if number is not None)
    return (frame.path or "<unknown>") + numbers


def write_python(head: str, stack: Stack) -> Lines:
    lines = ["Traceback (most recent call last):"] if stack.frames else []
    for frame in stack.outermost_first():
        if frame is None:
            lines.append(f"  {LEFT_OUT}")
            continue
        lines.append(f'  File "{frame.path or frame.module}", line {frame.line or 0}, in {frame.function or "?"}')
        if frame.code:
            lines.append(f"    {frame.code}")
    return [*lines, *([head] if head else [])]


def write_outward(line_of: Callable[[int, StackFrame], str]) -> Callable[[str, Stack], Lines]:
    """The form of languages that write the message first and then the innermost frame: a line, or two, for each."""

    def write(head: str, stack: Stack) -> Lines:
        lines = [head] if head else []
        for number, frame in enumerate(stack.innermost_first()):
            lines.append(f"    {LEFT_OUT}" if frame is None else line_of(number, frame))
        return lines

    return write


def script_line(_number: int, frame: StackFrame) -> str:
    is_named = frame.function and frame.function != "?"
    return f"    at {frame.function} ({place_of(frame)})" if is_named else f"    at {place_of(frame)}"


def java_line(_number: int, frame: StackFrame) -> str:
    file = frame.path.rpartition("/")[2] or "Unknown Source"
    return f"\tat {frame.name}({file}{f':{frame.line}' if frame.line else ''})"


def go_line(_number: int, frame: StackFrame) -> str:
    return f"{frame.name}(...)\n\t{frame.path}:{frame.line or 0}"


def ruby_line(_number: int, frame: StackFrame) -> str:
    return f"\tfrom {frame.path}:{frame.line or 0}:in `{frame.function or '?'}'"


def php_line(number: int, frame: StackFrame) -> str:
    return f"#{number} {frame.path or '[internal function]'}({frame.line or 0}): {frame.function or '?'}()"


def csharp_line(_number: int, frame: StackFrame) -> str:
    name = f"   at {frame.name}{'' if '(' in frame.name else '()'}"
    return f"{name} in {frame.path}:line {frame.line or 0}" if frame.path else name


def rust_line(number: int, frame: StackFrame) -> str:
    name = f"{number:4}: {frame.function or '?'}"
    return f"{name}\n             at {place_of(frame)}" if frame.path else name


def dart_line(number: int, frame: StackFrame) -> str:
    return f"#{number:<6} {frame.function or '?'} ({place_of(frame)})"


def elixir_line(_number: int, frame: StackFrame) -> str:
    return f"    {frame.path}:{frame.line or 0}: {frame.name}"


def native_line(number: int, frame: StackFrame) -> str:
    package = as_text(frame.package).rpartition("/")[2] or "???"
    address = as_text(frame.address)
    return f"{number:<3} {package} {address} {frame.function or '?'}{f' ({place_of(frame)})' if frame.path else ''}"


def plain_line(_number: int, frame: StackFrame) -> str:
    return f"    at {frame.name} ({place_of(frame)})" if frame.path else f"    at {frame.name}"


def write_go(head: str, stack: Stack) -> Lines:
    lines = write_outward(go_line)("", stack)
    return [*([head, ""] if head else []), *(["goroutine 1 [running]:", *lines] if lines else [])]


LINES: dict[str, Callable[[int, StackFrame], str]] = {
    **dict.fromkeys(("javascript", "node"), script_line),
    **dict.fromkeys(("java", "kotlin", "scala", "groovy", "android"), java_line),
    "ruby": ruby_line,
    "php": php_line,
    "csharp": csharp_line,
    "rust": rust_line,
    "dart": dart_line,
    "elixir": elixir_line,
    **dict.fromkeys(("native", "cocoa", "c", "objc", "swift"), native_line),
}
WRITERS: dict[str, Callable[[str, Stack], Lines]] = {
    "python": write_python,
    "go": write_go,
    **{platform: write_outward(line) for platform, line in LINES.items()},
}
WRITE_PLAIN = write_outward(plain_line)


def write_stack(platform: str, head: str, stack: Stack) -> Lines:
    """The trace of one error as its language writes it; `head` is the line with its type and message."""
    return WRITERS.get(platform, WRITE_PLAIN)(head, stack)
