"""Reads stack traces into what groups are made of: the types of the errors of a chain, and where each was raised.

A frame is `folder/file:function`, or a qualified name, without line, column, address or release folder, so that it outlives a
deploy. `languages` knows how each language writes its traces.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Final, NamedTuple

from common.fingerprint.languages import LINE_CHARS, PYTHON, TYPE, Language, Part, Place, find_language, is_python
from common.fingerprint.names import make_stable

__all__ = ["LINE_CHARS"]

TRACE_CHARS: Final = 8 * 1024
TRACE_ENTRIES: Final = 2_048  # of at most TRACE_CHARS
FRAMES: Final = 24  # more would reach the cut of a long trace, and that moves with the line numbers
ERRORS: Final = 8  # of a chain
SOURCE_CHARS: Final = 200


class Trace(NamedTuple):
    """`types`: the error raised, then its causes. `frames`: the program's own of where it was raised, innermost first, each
    once; all of them, or the first alone. `source`: the line of source of the first, where the trace has it. `causes`: the
    innermost own frame of each cause."""

    types: tuple[str, ...]
    frames: tuple[str, ...]
    source: str = ""
    causes: tuple[str, ...] = ()

    def cut(self) -> "Trace":
        """With the first of its frames alone."""
        return self._replace(frames=self.frames[:1])


class SplitTrace(NamedTuple):
    """What is read of a trace: the line that may hold the message, the first or (`last_first`, as Python writes it) the
    last, and the rest with the break between them, which is the same whenever the program fails in that place."""

    line: str
    rest: str
    last_first: bool


@dataclass(slots=True)
class Section:
    """One error of a chain: its type, and its frames innermost first, each with whether it is the program's own; `source`:
    the line of source of each, as far as it is known."""

    type: str | None = None
    frames: Sequence[tuple[str, bool]] = field(default_factory=list)
    sources: Sequence[str] = ()


# What tells that the first line of a trace is a frame, or opens them, and comes again with each error.
_OF_FRAMES: Final = re.compile(
    r'\s{0,9}+(?:at |#\d|File "|from |goroutine |Traceback|stack backtrace|\d{1,4}[: ] |\(\w{1,60} [\d.]{1,20}\) '
    r"|\S{0,200}@\S{1,400}:\d|\S{1,400}\.(?:rb|erb|rake|ru|go|exs?|erl):\d)"
)
_PLAIN_TYPE: Final = re.compile(r"((?!Suppressed:|Caused)[A-Za-z_$][\w$]*+(?:\.[\w$]++)*+)(?=:[ \r]|$)")
_RUBY_HEAD: Final = re.compile(
    r"(\S{1,400}?\.(?:rb|erb|rake|ru):\d{1,7}:in [`'].{1,300}?'): .{0,2000}?(\([A-Z][\w:]{0,200}+\))?\s?$"
)
_PANICKED: Final = re.compile(r".{0,300}?(panicked at )(?:'[^']{0,400}+', )?(\S{1,300}:\d{1,7}:\d{1,7}:?)\s?$")


def may_be_kept(rest: str) -> bool:
    """Whether a memo may hold this part of a trace: it is of at most TRACE_CHARS bytes in memory too, where a character
    beyond ASCII may take four."""
    return rest.isascii() or len(rest) <= TRACE_CHARS // 4


def split_trace(trace: str) -> SplitTrace:
    """Looks at TRACE_CHARS: the end of a Python trace, the start of others."""
    if len(trace) <= TRACE_CHARS:
        return _split_at_message(trace, is_python(trace))
    last_first = is_python(trace[:TRACE_CHARS]) or is_python(trace[-TRACE_CHARS:])
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


def head_of_line(line: str) -> str:
    """What the line with the message says beside it, the same with each error of its kind: its type, and its frame where the
    language puts that there. Empty where it says nothing else."""
    if (plain := _PLAIN_TYPE.match(line)) is not None and line.isprintable():  # nearly always
        return plain[1]
    if (of_type := TYPE.match(line)) is not None and line.isprintable():
        return of_type[1]
    return _head_of_other(line[:LINE_CHARS])


def _head_of_other(line: str) -> str:
    if ruby := _RUBY_HEAD.match(line):
        return f"{ruby[1]}: {ruby[2] or ''}"
    if "panicked at " in line and (rust := _PANICKED.match(line)):
        return f"panic: {rust[1]}{rust[2]}"
    if of_type := TYPE.match(line):
        return of_type[1]
    return line if _OF_FRAMES.match(line) else ""


def read_trace(split: SplitTrace) -> Trace | None:
    """None where no frame can be read."""
    read = _recall if may_be_kept(split.rest) else read_text
    trace = read(head_of_line(split.line), split.rest, split.last_first)
    return trace if trace.frames else None


def read_text(head: str, rest: str, last_first: bool, *, is_whole: bool = True) -> Trace:
    """The trace of what `split_trace` gives, by the head of its line; without frames where there are none. Not `is_whole`: of
    the frames the first alone."""
    text = rest + head if last_first else head + rest
    language = find_language(text)
    if language is None:
        return Trace((), ())
    lines = text.splitlines()
    is_chain = _is_chain(language, text)
    parts = language.split(lines) if is_chain else [Part(_type_of_one(language, head, lines), lines)]
    return _choose_lazily(language, parts[:ERRORS], is_whole)


_recall = lru_cache(maxsize=TRACE_ENTRIES)(read_text)


def _is_chain(language: Language, text: str) -> bool:
    if language is PYTHON:
        return text.count(language.joints[0]) > 1
    for joint in language.joints:  # noqa: SIM110 - any() of a generator takes three times as long
        if joint in text:
            return True
    return False


def _type_of_one(language: Language, head: str, lines: Sequence[str]) -> str | None:
    """Of a trace of one error. The head is it, but where the last line is the end of a longer message."""
    is_type = head and (match := TYPE.match(head)) is not None and match.end() == len(head)
    if is_type and (language is not PYTHON or len(lines) < 2 or lines[-2][:1].isspace()):
        return head
    return language.split(lines)[0].type


def _choose_lazily(language: Language, parts: Sequence[Part], is_whole: bool) -> Trace:
    """As `choose_frames`; not `is_whole`, no more of the lines is read than it takes to see where each error was raised."""
    if is_whole:
        return choose_frames([_read_section(language, part) for part in parts])
    if len(parts) == 1 and (place := _first_own(language, parts[0].lines)) is not None:
        source = _even_source(place.source)
        return Trace((parts[0].type,) if parts[0].type else (), (place.named[0],), source)
    sections = []
    for part in parts:
        place = _first_own(language, part.lines)
        sections.append(
            _read_section(language, part) if place is None else Section(part.type, [place.named], [place.source])
        )
    return choose_frames(sections).cut()


def _first_own(language: Language, lines: Sequence[str]) -> Place | None:
    for place in language.read(lines):
        if place.named[1]:
            return place
    return None


def _read_section(language: Language, part: Part) -> Section:
    places = list(language.read(part.lines))
    return Section(part.type, [place.named for place in places], [place.source for place in places])


def choose_frames(sections: "Sequence[Section]") -> Trace:
    """What groups are made of, of an error and its causes: the program's own frames of where it was raised, else of anywhere,
    else all of where it was raised. `sections`: the error raised, then its causes, their frames innermost first."""
    types = tuple(dict.fromkeys([s.type for s in sections if s.type]))
    if len(sections) == 1:
        return _make_trace(types, _own(sections[0]) or _all(sections[0]), ())
    owned = [own for section in sections if (own := _own(section))]
    if not owned:
        raised = next((section for section in sections if section.frames), Section())
        return _make_trace(types, _all(raised), ())
    return _make_trace(types, owned[0], [own[0][0] for own in owned[1:]])


def _make_trace(types: tuple[str, ...], chosen: Sequence[tuple[str, str]], causes: Sequence[str]) -> Trace:
    frames = tuple(dict.fromkeys([name for name, _ in chosen]))[:FRAMES]
    source = _even_source(chosen[0][1]) if chosen else ""
    return Trace(types, frames, source, tuple(dict.fromkeys(causes)))


def _even_source(source: str) -> str:
    """A line of source without what a reformatting or another limit in it changes."""
    return make_stable(" ".join(source.split())[:SOURCE_CHARS]) if source else ""


def _own(section: Section) -> list[tuple[str, str]]:
    return [one for one, (_, own) in zip(_all(section), section.frames, strict=True) if own]


def _all(section: Section) -> list[tuple[str, str]]:
    """Names with their lines of source."""
    sources = section.sources or [""] * len(section.frames)
    return [(name, source) for (name, _), source in zip(section.frames, sources, strict=True)]


def name_lines(trace: str) -> list[tuple[str, bool | None]]:
    """Each line of a trace with whether it belongs to a frame of the program's own (True), to a library's (False), or to none
    (None): what a reader wants open, and what folded. The line of code under a Python frame belongs to it, as does the
    function over a place in Go."""
    lines = trace.splitlines()
    own = dict(_own_lines(lines, find_language(trace)))
    named: list[tuple[str, bool | None]] = []
    for at, line in enumerate(lines):
        is_own = own.get(at)
        if is_own is None and named and named[-1][1] is not None and line[:1].isspace() and line.strip():
            is_own = named[-1][1]  # what stands under a frame
        named.append((line, is_own))
    return named


def _own_lines(lines: Sequence[str], language: Language | None) -> Iterator[tuple[int, bool]]:
    for place in language.read(lines) if language else ():
        yield from ((place.at + number, place.named[1]) for number in range(place.lines))
