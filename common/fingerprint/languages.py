"""How each language writes a stack trace: which lines are frames, of which function, and where one error of a chain ends. Pure.

A reader takes the lines of one error and gives its frames, innermost first, one at a time: nearly always the first of the
program's own is all that is asked for.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from common.fingerprint.libraries import is_library, is_library_class, is_system_image
from common.fingerprint.names import (
    COMPREHENSIONS,
    Named,
    make_stable,
    name_by_class,
    name_by_file,
    name_in_apple,
    name_in_dart,
    name_in_dotnet,
    name_in_go,
    name_in_php,
    name_in_ruby,
    name_in_rust,
    name_in_script,
)

LINE_CHARS: Final = 512
Lines = Sequence[str]


class Place(NamedTuple):
    """A frame of a trace as text: its name with whether it is the program's own, the line of source under it, where the
    language shows that, and which of the lines given it takes: `lines` from `at` on."""

    named: Named
    source: str
    at: int
    lines: int = 1


class Part(NamedTuple):
    """The lines of one error of a chain."""

    type: str | None
    lines: Lines


Reader = Callable[[Lines], Iterator[Place]]
Splitter = Callable[[Lines], list[Part]]


class Language(NamedTuple):
    """`read`: the frames of one error. `split`: the errors of a chain, the one raised first; asked only where one of `joints`
    is in the text."""

    read: Reader
    split: Splitter
    joints: tuple[str, ...] = ()


TYPE: Final = re.compile(
    r"[ \t]{0,64}+(?:\| {0,64}+)?(?:(?:Caused by|Suppressed|\[cause\]|Next|---> ?|--->): ?|---> |Uncaught (?:\(in promise\) )?"
    r'|Exception in thread "[^"\n]{0,200}+" |Unhandled [Ee]xception[.:] ?|PHP Fatal error: {1,4}Uncaught |Fatal error: Uncaught '
    r"|Next |\*\* \()?"
    r"([A-Za-z_$][\w$]*+(?:(?:\.|::|\\)[\w$]++)*+)(?= {0,4}(?:[:\r]|\) |$))"
)
_RUBY_TYPE: Final = re.compile(r"\(([A-Z][\w:]*+)\)\s?$")
_NO_TYPE: Final = (
    "Traceback ",
    "goroutine ",
    "at ",
    "File ",
    "from ",
    "During handling",
    "The above exception",
    "thread '",
)


def find_type(lines: Lines) -> str | None:
    """The type that the first of these lines names that is neither a frame nor pushed in."""
    for line in lines:
        if (found := read_type(line)) is not None:
            return found
    return None


def read_type(line: str) -> str | None:
    if line.startswith(_NO_TYPE) or line[:2].isspace():
        return None
    match = TYPE.match(line[:LINE_CHARS]) or _RUBY_TYPE.search(line[-200:])
    return match[1] if match else None


# Python: the innermost frame is the last, the headline stands behind it, and what led to an error before it.
_PYTHON: Final = re.compile(r'[ |+\-]{0,64}+File "([^"]++)", line \d++(?:, in (.++))?')
_PYTHON_START: Final = "Traceback (most recent call last)"
_PYTHON_GROUP: Final = "Exception Group Traceback"


def read_python(lines: Lines) -> Iterator[Place]:
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if 'File "' in line and (match := _PYTHON.match(line)):
            function = match[2] or ""
            if function in COMPREHENSIONS:
                continue
            below = lines[at + 1] if at + 1 < len(lines) else ""
            source = below.strip(" |") if below.lstrip("|+- ").strip() and is_source(line, below) else ""
            yield Place(name_by_file(match[1].replace("\\", "/"), function), source, at)


def is_source(line: str, below: str) -> bool:
    """Whether a line stands further in than the frame over it, as its source does."""
    return len(below) - len(below.lstrip(" |")) > len(line) - len(line.lstrip(" |+-"))


def split_python(lines: Lines) -> list[Part]:
    starts = [at for at, line in enumerate(lines) if _PYTHON_START in line]
    parts = [lines[start:end] for start, end in zip([0, *starts[1:]], [*starts[1:], len(lines)], strict=True)]
    found = [Part(find_python_type(part), part) for part in parts]
    return found if any(_PYTHON_GROUP in line for line in lines) else found[::-1]


def find_python_type(lines: Lines) -> str | None:
    """Of the headline, which is the first line after the frames that is not pushed in."""
    last = next((at for at in range(len(lines) - 1, -1, -1) if 'File "' in lines[at]), -1)
    return find_type(lines[last + 1 :]) or find_type(lines[:1])


# The JVM.
_JAVA: Final = re.compile(
    r"\s{0,64}+at (?:[\w.@\-]*+/){0,32}([\w$.<>\-]++(?:/0?[xX]?[0-9a-f]++[\w$.<>\-]*+)?)\("
    r"(?:[\w$\-.]{1,200}?\.(?:java|kts?|scala|groovy|cljc?)\b|Native Method|Unknown Source|SourceFile|<generated>)"
)


def read_java(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        if match := _JAVA.match(line):
            yield Place(name_by_class(match[1]), "", at)


def split_caused(lines: Lines) -> list[Part]:
    """By lines that begin with `Caused by:` or the like; what was suppressed on the way is no cause."""
    starts, keeps = [0], [True]
    for at, line in enumerate(lines):
        text = line.lstrip()
        if at and text.startswith(("Caused by: ", "[cause]: ", "Next ", "Suppressed: ")):
            is_inner = len(text) < len(line) and not keeps[-1]  # a cause of what was suppressed
            starts.append(at)
            keeps.append(not text.startswith("Suppressed") and not is_inner)
    ends = [*starts[1:], len(lines)]
    parts = [lines[start:end] for start, end, keep in zip(starts, ends, keeps, strict=True) if keep]
    return [
        Part(find_type(part[:1] if number else part) or read_type(part[0].lstrip()), part)
        for number, part in enumerate(parts)
    ]


# JavaScript, in engines that say `at`, and in those that say `@`.
_SCRIPT: Final = re.compile(
    r"\s{0,64}+at (?:([^(]{1,200}+)\()?(?:address at )?((?:\w{1,20}:)?[^()\s][^()]{0,400}?)(?::\d{1,9}){1,3}"
    r"\)?,?\s{0,9}+(?:\{\s{0,9}+)?$"
)
_GECKO: Final = re.compile(r"\s{0,64}+([^\s@]{0,200}+)@(\S{1,400}?)(?::\d{1,9}){1,2}\s{0,9}$")
_OF_ENGINE: Final = re.compile(r"\s{0,64}+at .{0,200}\((?:native|<anonymous>|index \d{1,9})\)\s{0,9}$")


def read_script(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        text = line[:LINE_CHARS]
        if match := (_SCRIPT.match(text) if "at " in text else _GECKO.match(text) if "@" in text else None):
            path, function = (match[2], match[1] or "") if "at " in text else (match[2], match[1])
            yield Place(name_in_script(path.replace("\\", "/"), function), "", at)


# Go: the function stands over its file; the other goroutines did not fail.
_GO: Final = re.compile(r"\s{0,64}+((?:[A-Za-z]:)?[^\s:]++):\d++")


def read_go(lines: Lines) -> Iterator[Place]:
    goroutines = 0
    for at, line in enumerate(lines):
        if line.startswith("goroutine "):
            goroutines += 1
            if goroutines > 1:
                return
        elif (".go:" in line or ".s:" in line) and (match := _GO.match(line)) and match[1].endswith((".go", ".s")):
            above = lines[at - 1].strip()[:LINE_CHARS] if at else ""
            yield Place(name_in_go(match[1], above), "", at - bool(at), 1 + bool(at))


# Ruby
_RUBY: Final = re.compile(
    r"\s{0,9}+(?:\d{1,4}: )?(?:from )?((?:[A-Za-z]:)?[^\s:]++):\d++(?::in [`']([^'\n]{1,300}+)'(?=:|\s|$))?"
)
_RUBY_FILES: Final = (".rb", ".erb", ".rake", ".ru")


def read_ruby(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        if (match := _RUBY.match(line[:LINE_CHARS])) and match[1].endswith(_RUBY_FILES):
            yield Place(name_in_ruby(match[1], match[2] or ""), "", at)


# .NET: an inner error stands with its frames before those of the one that holds it.
_DOTNET: Final = re.compile(
    r"\s{0,64}+at ([^\s(][^(]{0,300}+)\([^\n]{0,2000}?\)(?: in ((?:[A-Za-z]:)?[^\n:]{1,400}+):(?:line )?\d++)?\s{0,9}$"
)


def read_dotnet(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        if "at " in line and (match := _DOTNET.match(line)):
            name, is_own = name_in_dotnet(match[1].rpartition(" ")[2])
            path = (match[2] or "").replace("\\", "/")
            yield Place((name, is_own and not (path and is_library(path))), "", at)


def split_dotnet(lines: Lines) -> list[Part]:
    parts: list[tuple[str | None, list[str]]] = [(find_type(lines), [])]
    at = 0
    for line in lines:
        text = line.lstrip()
        if text.startswith("--->"):
            parts.append((read_type(text), []))
            at = len(parts) - 1
        elif text.startswith("--- End of inner"):
            at -= 1
        parts[max(at, 0)][1].append(line)
    return [Part(of_type, found) for of_type, found in parts]


# PHP says of each call where it was made, and what was called.
_PHP: Final = re.compile(r"\s{0,64}+#\d{1,4} (?:(\S.{0,400}?)\(\d++\)|\[internal function\]): ([^\s(]{1,300}+)\(")


def read_php(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        if match := _PHP.match(line[:LINE_CHARS]):
            yield Place(name_in_php((match[1] or "").replace("\\", "/"), match[2]), "", at)


# Dart
_DART: Final = re.compile(r"\s{0,64}+#\d{1,4} {1,60}(.{1,300}?) \((\S{1,400}?)(?::\d++){0,3}\)")


def read_dart(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        if match := _DART.match(line[:LINE_CHARS]):
            yield Place(name_in_dart(match[2], match[1]), "", at)


# Elixir
_ELIXIR: Final = re.compile(
    r"\s{0,9}+(?:\((\w{1,60}) [\w.\-+]{1,40}\) )?(\S{1,300}?\.(?:exs?|eex|heex|erl)):\d{1,7}: (.{1,300})"
)
_OTP: Final = frozenset({"stdlib", "kernel", "elixir", "ex_unit", "iex", "mix", "logger", "eex"})


def read_elixir(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        if match := _ELIXIR.match(line[:LINE_CHARS]):
            name = match[3].strip().rpartition(" in ")[2]  # `anonymous fn/1 in Shop.Cart.total/1`
            is_own = match[1] not in _OTP and not is_library_class(name) and not is_library(match[2])
            yield Place((make_stable(name), is_own), "", at)


# Rust: a function stands over its file, where that is known; without a backtrace there is the place of the panic alone.
_RUST: Final = re.compile(r"\s{0,64}+\d{1,4}: {1,9}(?:0x[0-9a-f]++ - )?(.{1,300})")
_RUST_FILE: Final = re.compile(r"\s{1,64}+at (\S.{0,400}?)(?::\d++){1,2}\s{0,9}$")
_RUST_PANIC: Final = re.compile(r"(?:.{0,300}?panicked at |.{0,400}?', )([^\s']{1,300}?):\d{1,7}:\d{1,7}:?\s{0,9}$")


def read_rust(lines: Lines) -> Iterator[Place]:
    panic: Place | None = None
    has_frames = False
    for at, line in enumerate(lines):
        if match := _RUST.match(line):
            has_frames = True
            below = _RUST_FILE.match(lines[at + 1]) if at + 1 < len(lines) else None
            path = below[1].replace("\\", "/") if below else ""
            yield Place(name_in_rust(path, match[1].strip()), "", at, 2 if below else 1)
        elif "panicked at " in line and panic is None and (match := _RUST_PANIC.match(line[:LINE_CHARS])):
            panic = Place(name_in_rust(match[1].replace("\\", "/"), ""), "", at)
    if panic is not None and not has_frames:
        yield panic


# Swift and Objective-C
_APPLE: Final = re.compile(
    r"\s{0,64}+\d{1,4} {1,60}(\S.{0,60}?) {1,60}0x[0-9a-fA-F]++ (.{1,300}?)(?: \+ \d++)?"
    r"(?: \(([^():]{1,200}+)(?::\d++){1,2}\))?\s{0,9}$"
)


def read_apple(lines: Lines) -> Iterator[Place]:
    for at, line in enumerate(lines):
        if match := _APPLE.match(line[:LINE_CHARS]):
            name, _ = name_in_apple(match[3] or "", match[2])
            yield Place((name, not is_system_image(match[1])), "", at)


def split_none(lines: Lines) -> list[Part]:
    return [Part(find_type(lines), lines)]


_CAUSES: Final = ("Caused by: ", "Suppressed: ", "[cause]: ")
PYTHON: Final = Language(read_python, split_python, (_PYTHON_START,))
JAVA: Final = Language(read_java, split_caused, _CAUSES)
SCRIPT: Final = Language(read_script, split_caused, _CAUSES)
GO: Final = Language(read_go, split_caused, _CAUSES)
RUBY: Final = Language(read_ruby, split_caused, _CAUSES)
DOTNET: Final = Language(read_dotnet, split_dotnet, ("--->",))
PHP: Final = Language(read_php, split_caused, ("\nNext ", *_CAUSES))
DART: Final = Language(read_dart, split_caused, _CAUSES)
ELIXIR: Final = Language(read_elixir, split_caused, _CAUSES)
RUST: Final = Language(read_rust, split_caused, ())
APPLE: Final = Language(read_apple, split_caused, _CAUSES)


def is_python(text: str) -> bool:
    return 'File "' in text and ", line " in text


def find_language(text: str) -> Language | None:
    """Which language has written a trace, by what only it writes."""
    if is_python(text):
        return PYTHON
    if ".go:" in text:
        return GO
    if "at " in text and (found := find_outward(text)) is not None:
        return found
    if "#0 " in text or "#1 " in text:
        return DART if ".dart" in text or "(dart:" in text else PHP
    if ".rb:" in text or ".erb:" in text or ".rake:" in text or ".ru:" in text:
        return RUBY
    if " 0x" in text and _APPLE_LINE.search(text):
        return APPLE
    if ".ex:" in text or ".exs:" in text or ".erl:" in text:
        return ELIXIR
    return SCRIPT if "@" in text else None


_APPLE_LINE: Final = re.compile(r"(?:^|\n)\s{0,16}\d{1,4} {1,9}\S.{0,60}? {1,60}0x[0-9a-fA-F]{4}")
_AT_LINE: Final = re.compile(r"(?:(?<=[\n\t ])|^)(at [^\n]++)")
LINES_TRIED: Final = 40


def find_outward(text: str) -> Language | None:
    """Of those that write `at` before each frame."""
    if "panicked at " in text or "stack backtrace:" in text:
        return RUST
    for match in islice(_AT_LINE.finditer(text), LINES_TRIED):
        line = match[1][:LINE_CHARS]
        if _JAVA.match(line):
            return JAVA
        if ":line " not in line and _SCRIPT.match(line):
            return SCRIPT
        if _DOTNET.match(line) and not _OF_ENGINE.match(line):
            return DOTNET
    return None
