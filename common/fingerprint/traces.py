"""Reads Python, JavaScript, Java, Go and Ruby stack traces into the types raised and the frames that matter.

A frame is `module:function` without line, column, address or release folder, so that it outlives a deploy.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Final, NamedTuple

TRACE_CHARS: Final = 8 * 1024
LINE_CHARS: Final = 512
TRACE_ENTRIES: Final = 2_048  # of at most TRACE_CHARS
FRAMES: Final = 24  # more would reach the cut of a long trace, and that moves with the line numbers


class Trace(NamedTuple):
    """`types`: the error raised, then its causes. `frames`: in-app, innermost first, each once."""

    types: tuple[str, ...]
    frames: tuple[str, ...]


class SplitTrace(NamedTuple):
    """What is read of a trace: the line that may hold the message, the first or (`last_first`, as Python writes it) the
    last, and the rest with the break between them, which is the same whenever the program fails in that place."""

    line: str
    rest: str
    last_first: bool


class _Line(NamedTuple):
    """One line of a trace: its frame with whether that is the program's own, and the type that it names."""

    frame: tuple[str, bool] | None
    type: str | None
    begins_cause: bool
    is_goroutine: bool


@dataclass(slots=True)
class Section:
    """One error of a chain: its type, and its frames in order, each with whether it is the program's own."""

    type: str | None = None
    frames: list[tuple[str, bool]] = field(default_factory=list)


_PYTHON = re.compile(r'File "([^"]++)", line \d++(?:, in (.++))?')
_JAVA = re.compile(
    r"at (?:[\w.@\-]*+/){0,32}([\w$.<>\-]++)\((?:[\w$\-]++\.(?:java|kt|scala|groovy|clj)|Native Method|Unknown Source)"
)
_SCRIPT = re.compile(r"at (?:([^(]{1,200}+)\()?([^\s()]++)(?<=\d)\)?$")
_GECKO = re.compile(r"([^\s@]{0,200}+)@(\S++)(?<=\d)$")
_RUBY = re.compile(r"(?:from )?([^\s:]++):\d++(?::in [`']([^']++))?")
_GO = re.compile(r"([^\s:]++):\d++")
_GO_CALL = re.compile(r"(?:created by )?((?:[\w.~%\-]++/){0,32}[\w.~%\-]++(?:\(\*?+\w++\))?[\w.\[\]]*+)")
_LINE_AND_COLUMN = re.compile(r"(?::\d++){1,3}$")
_RUBY_FILES = (".rb", ".erb", ".rake", ".ru")
_TYPE = re.compile(
    r'(?:(?:Caused by|Suppressed|\[cause\]): |Uncaught (?:\(in promise\) )?|Exception in thread "[^"]*+" )?'
    r"([A-Za-z_$][\w.$]*+)(?=:|$)"
)
_RUBY_TYPE = re.compile(r"\(([A-Z][\w:]*+)\)$")
_LIBRARY_FOLDERS = (
    *("site-packages/", "dist-packages/", "/lib/python", "/Lib/", "node_modules/", "extension://", "go/src/"),
    *("/pkg/mod/", "/vendor/", "/gems/", "/lib/ruby/", "/rubygems/"),
)
_LIBRARY_STARTS = ("<", "node:", "internal/", "native")
_JAVA_LIBRARY = re.compile(
    r"(?:java|javax|jakarta|sun|jdk|com\.sun|kotlin|kotlinx|scala|groovy|clojure|android|androidx|dalvik|junit"
    r"|org\.(?:junit|apache|springframework|hibernate|eclipse|jboss|codehaus|slf4j)|io\.netty|reactor|com\.fasterxml"
    r"|com\.google\.common|com\.zaxxer|akka|okhttp3|rx)\."
)
_VOLATILE = re.compile(r"(?<![a-z\d])(?=[a-fx]*+\d)(?:0x)?[0-9a-f]{6,}+(?![a-z])|\d++")
_DIGIT = re.compile(r"\d")
_CHAIN_STARTS = ("Traceback (most recent call last)", "Caused by: ", "Suppressed: ", "[cause]: ")


def may_be_kept(rest: str) -> bool:
    """Whether a memo may hold this part of a trace: it is of at most TRACE_CHARS bytes in memory too, where a character
    beyond ASCII may take four."""
    return rest.isascii() or len(rest) <= TRACE_CHARS // 4


def split_trace(trace: str) -> SplitTrace:
    """Looks at TRACE_CHARS: the end of a Python trace, the start of others."""
    if len(trace) <= TRACE_CHARS:
        return _split_at_message(trace, _is_python(trace))
    last_first = _is_python(trace[:TRACE_CHARS]) or _is_python(trace[-TRACE_CHARS:])
    return _split_at_message(trace[-TRACE_CHARS:] if last_first else trace[:TRACE_CHARS], last_first)


def _split_at_message(text: str, last_first: bool) -> SplitTrace:
    text = text.rstrip("\n")
    if last_first:
        at = text.rfind("\n") + 1
        return _new_split((text[at:], text[:at], last_first))
    at = text.find("\n")
    return _new_split((text, "", last_first) if at < 0 else (text[:at], text[at:], last_first))


# a third of what the class itself takes
_new_split: Callable[[tuple[str, str, bool]], SplitTrace] = partial(tuple.__new__, SplitTrace)


def _is_python(text: str) -> bool:
    return 'File "' in text and ", line " in text


def read_trace(split: SplitTrace) -> Trace | None:
    """None where no frame can be read."""
    read = _read(*split)
    return read if read.frames else None


def _read(line: str, rest: str, last_first: bool) -> Trace:
    may_keep = may_be_kept(rest)
    if head := type_of_line(line):
        return (_recall if may_keep and len(head) <= LINE_CHARS else _read_whole)(head, rest, last_first)
    if not rest or ".go:" in rest or ".go:" in line:
        return _read_whole(line, rest, last_first)
    # the line with the message is a new one each time: remembered, it would push out those that come again
    if last_first:
        first, _, middle = rest[:-1].partition("\n")
        ends = _only_line(first), _only_line(line)
        read_first, read_last = _line, _read_line
    else:
        middle, _, last = rest[1:].rpartition("\n")
        ends = _only_line(line), _only_line(last)
        read_first, read_last = _read_line, _line
    if not all(ends):
        return _read_whole(line, rest, last_first)
    put_together = _recall_between if may_keep else _read_between
    return put_together(read_first(ends[0]), middle, read_last(ends[1]), last_first)


def type_of_line(line: str) -> str:
    """The line up to its message, where nothing is read of that: what comes again with each error of its kind. Empty where
    there may be more to the line than a type and a message."""
    of_type = _TYPE.match(line)
    if of_type is None or not line.isprintable():
        return ""
    end = of_type.end()
    message = line[end:]
    # what the frames of a line have that begins otherwise than with `File` or `at`
    if "@" in message or (
        "." in message and (".go:" in message or ".s:" in message or ".r" in message or ".erb:" in message)
    ):
        return ""
    return line[: end + 2]  # with the colon and the blank after it, which say whether a cause begins


def _only_line(text: str) -> str:
    """The line without its break; empty where there are more: Unicode has other breaks than \\n."""
    if text.isprintable():
        return text
    lines = text.splitlines()
    return lines[0] if len(lines) == 1 else ""


def _read_between(first: _Line, middle: str, last: _Line, last_first: bool) -> Trace:
    return _put_together([first, *_lines(middle), last], last_first)


_recall_between = lru_cache(maxsize=TRACE_ENTRIES)(_read_between)


def _read_whole(line: str, rest: str, last_first: bool) -> Trace:
    return _put_together(_lines(rest + line if last_first else line + rest), last_first)


_recall = lru_cache(maxsize=TRACE_ENTRIES)(_read_whole)


def _put_together(lines: Iterable[_Line], last_first: bool) -> Trace:
    sections = _split(lines)
    if last_first:
        sections = [Section(s.type, s.frames[::-1]) for s in reversed(sections)]
    return choose_frames(sections)


def choose_frames(sections: "Sequence[Section]") -> Trace:
    """What groups are made of, of an error and its causes: the program's own frames of where it was raised, else of anywhere,
    else all of where it was raised. `sections`: the error raised, then its causes, their frames innermost first."""
    types = tuple(dict.fromkeys(s.type for s in sections if s.type))
    every = [frame for section in sections for frame in section.frames]
    raised = next((s.frames for s in sections if s.frames), [])
    chosen = _own(raised) or _own(every) or [name for name, _ in raised]
    return Trace(types, tuple(dict.fromkeys(chosen))[:FRAMES])


def _own(frames: list[tuple[str, bool]]) -> list[str]:
    return [name for name, own in frames if own]


def _lines(text: str) -> Iterator[_Line]:
    """What each line says; one with a place in Go holds the file to the function on the line before."""
    before = ""
    for line in text.splitlines():
        yield _line(line, before[:LINE_CHARS] if ".go:" in line else "")
        before = line


def _split(lines: Iterable[_Line]) -> list[Section]:
    sections = [Section()]
    goroutines = 0
    for line in lines:
        goroutines += line.is_goroutine
        if goroutines > 1:  # the other goroutines did not fail
            break
        section = sections[-1]
        if line.begins_cause and (section.frames or section.type):
            section = Section()
            sections.append(section)
        if line.frame is not None:
            section.frames.append(line.frame)
        if section.type is None:
            section.type = line.type
    return sections


def _line(raw: str, before: str = "") -> _Line:
    """What one line says; `before` is the line before it where that holds the frame's name."""
    return _remember_line(raw, before) if len(raw) <= LINE_CHARS else _read_line(raw, before)


def _read_line(raw: str, before: str = "") -> _Line:
    line = raw.lstrip(" \t|+-")
    frame, of_type = _read_frame(line[:LINE_CHARS], before), _read_type(line, raw)
    return _Line(frame, of_type, line.startswith(_CHAIN_STARTS), line.startswith("goroutine "))


_remember_line = lru_cache(maxsize=8_192)(_read_line)  # two traces of one program share all but the message's line


def _read_type(line: str, raw: str) -> str | None:
    if line.startswith(("Traceback ", "goroutine ", "at ", "File ")) or (raw[:1].isspace() and "|" not in raw[:12]):
        return None
    match = _TYPE.match(line) or _RUBY_TYPE.search(line[-200:])
    return match[1] if match else None


def _read_frame(line: str, before: str) -> tuple[str, bool] | None:
    """The frame's name and whether it is in-app; None where the line is no frame."""
    if line.startswith('File "'):
        return _from_file(_PYTHON.match(line), 1, 2)
    if line.startswith("at "):
        if java := _JAVA.match(line):
            return name_by_class(java[1])
        return _from_file(_SCRIPT.match(line), 2, 1)
    if (".go:" in line or ".s:" in line) and (go := _GO.match(line)) and go[1].endswith((".go", ".s")):
        return name_in_go(go[1], before.strip())
    if "@" in line and (gecko := _GECKO.match(line)):
        return _from_file(gecko, 2, 1)
    if (".r" in line or ".erb:" in line) and (ruby := _RUBY.match(line)) and ruby[1].endswith(_RUBY_FILES):
        return _from_file(ruby, 1, 2)
    return None


def _from_file(match: re.Match[str] | None, file: int, function: int) -> tuple[str, bool] | None:
    if match is None:
        return None
    return name_by_file(_LINE_AND_COLUMN.sub("", match[file].replace("\\", "/")), match[function] or "")


def name_by_file(path: str, function: str) -> tuple[str, bool]:
    """The frame of a function in a file (with slashes), and whether it is in-app by where the file is."""
    path = path.partition("?")[0]
    name = function.strip(" `'")
    module = "/".join(path.rsplit("/", 2)[-2:])
    return _stable(f"{module}:{name}"), not is_library(path)


def name_by_class(name: str) -> tuple[str, bool]:
    """The frame of a method by its qualified name, as Java has it, and whether it is in-app by its package."""
    return _stable(name), not _JAVA_LIBRARY.match(name)


def name_in_go(path: str, name: str) -> tuple[str, bool]:
    """The frame of a function of Go by its qualified name, and whether it is in-app."""
    call = _GO_CALL.match(name)
    name = call[1] if call else ""
    return _stable(name), not (is_library(path) or name.startswith("runtime."))


def is_library(path: str) -> bool:
    if path.startswith(_LIBRARY_STARTS):
        return True
    for folder in _LIBRARY_FOLDERS:  # noqa: SIM110 - any() of a generator takes three times as long
        if folder in path:
            return True
    return False


def _stable(name: str) -> str:
    """The name without the numbers and hashes that a build puts into it."""
    return _VOLATILE.sub("#", name) if _DIGIT.search(name) else name
