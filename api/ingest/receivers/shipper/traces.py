"""What a text says of an exception: its type, its message and where its trace begins, in the languages that services are
written in. Pure; every search is linear, since no repeat may begin again inside of what another has passed.

Which lines belong to a trace is said here too, for those who join lines (`joining`).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from api.ingest.sanitize.redaction import automaton

TRACE_LINES = 4_000  # more are not looked at
HEAD_CHARS = 2_000  # of a line that may name an exception
BACK_LINES = 60  # a message over more lines than this before its frames has no headline

_NAME = r"[A-Za-z_$][\w$]{0,120}+"
_TYPE = rf"(?:{_NAME}(?:\.|::|\\{{1,2}})){{0,16}}+{_NAME}"
_LEAD = (
    r'(?:Exception in thread "[^"]{0,200}" |Uncaught (?:\(in promise\) )?|Unhandled [Ee]xception[.:] ?'
    r"|(?:\(node:\d{1,10}\) )?UnhandledPromiseRejectionWarning: "
    r"|(?:Caused by|Suppressed|\[cause\]): |-{3}> ?)?"
)
HEAD = re.compile(rf"\s{{0,16}}{_LEAD}({_TYPE})(?: \[\w{{1,60}}\])?(?:: ?(.*)|)$", re.DOTALL)
IS_EXCEPTION = re.compile(
    r"(?:Error|Exception|Failure|Fault|Interrupt|Exit|Throwable|Timeout|Warning|Panic|Abort|Refused|NotFound|Denied)s?$"
    r"|[.:\\][A-Z][\w$]*+$"
)
RAILS_HEAD = re.compile(rf"\s{{0,16}}({_TYPE}) \((.*)\):?\s{{0,8}}$", re.DOTALL)
RUBY_HEAD = re.compile(rf"\S{{1,400}}?\.(?:rb|ru|rake|erb):\d{{1,7}}:in [`'][^']{{1,200}}': (.*?)(?: \(({_TYPE})\))?$")
ELIXIR_HEAD = re.compile(rf"\s{{0,16}}\*\* \(({_TYPE})\) (.*)$")
PHP_UNCAUGHT = re.compile(rf"Uncaught ({_TYPE})(?:: (.*))?$")
PHP_OBJECT = re.compile(rf"\[object\] \(({_TYPE})\(code: [^)]{{1,40}}\): (.*?)(?: at \S{{1,400}}:\d{{1,7}}\))?$")
PHP_PLACE = re.compile(r" in /\S{1,400}?(?:\(\d{1,7}\)|:\d{1,7})\)?$| in [A-Z]:\\.{1,400}?:\d{1,7}$")
RUBY_LOGGED = re.compile(rf"(.{{1,1900}}?) \(({_TYPE})\)$", re.DOTALL)
CPP_HEAD = re.compile(r"terminate called (?:after throwing an instance of '([^']{1,400})'|without an active exception)")
COCOA_HEAD = re.compile(r"Terminating app due to uncaught exception '(\w{1,120})', reason: '(.*?)'$")
GO_PANIC = re.compile(
    r"(?:panic|fatal error): |.{0,200}?(?:http: panic serving|panic recovered|observed a panic)", re.IGNORECASE
)
RUST_PANIC = re.compile(r"thread '[^']{0,200}'(?: \(\d{1,20}\))? panicked at (.*)$")
PYTHON_START = "Traceback (most recent call last)"
GROUP_START = "Exception Group Traceback (most recent call last)"
SCRIPT_PLACE = re.compile(r"(?:node:|file://|/|[A-Z]:\\)[^\s:]{1,400}:\d{1,7}$")
MARGIN = re.compile(r"[ ]{0,64}[|+] ?")

# Of a line without its blanks at the start: what only stands within a trace.
FRAME = re.compile(
    r'File "[^"]{1,400}", line \d'
    r"|at (?:async |new )?[^\s()]{1,400}(?: \[as [^\]]{1,80}\])? ?\(|at \S{1,400}:\d"
    r"|at [\w.$<>`\[\], ]{1,300}+[(:]|at <anonymous>"
    r"|\.{3} \d{1,5} (?:more|common frames omitted)"
    r"|#\d{1,4} +(?:\S{1,400}?(?: ?\(|:\d)|\{main\}|0x|\[internal)"
    r"|(?:from )?\S{1,400}?\.(?:rb|erb|rake|ru):\d{1,7}(?::in |$)"
    r"|\S{1,400}?\.go:\d{1,7}(?: \+0x|$)|goroutine \d{1,9} \["
    r"|\(\w{1,60} \d[\w.-]{0,20}\) \S{1,300}:\d{1,7}: "
    r"|[\w.<>$*~/-]{0,200}@\S{1,300}:\d{1,7}:\d{1,7}$"
    r"|PHP +\d{1,4}\. "
    r"|\d{1,4}: +(?:0x[0-9a-f]+ - )?[\w<>:{}#&' ]{1,300}(?:::|$)"
    r"|PC=0x|\[signal "
)
# What stands between the frames, or after them.
WITHIN = re.compile(
    r"Traceback \(most recent|Caused by[: ]|Suppressed: |\[cause\]: |During handling of the above|The above exception was"
    r"|Stack trace:|\[stacktrace\]|\[previous exception\]|--- End of |-{3}> |stack backtrace:|note: run with|note: Some details"
    r"|created by |exit status \d|thrown in |#\d{1,4} |\.\.\. |Next [A-Z]|PHP Stack trace:|Call Stack:|Wrapped by: "
    r"|\+-[-+ ]{3}|\| |\^|~|Node\.js v\d|goroutine \d|\[recovered\]|rax +0x|\"\}"
)
# What opens the trace of a program that did not expect it, wherever it stands.
UNHANDLED = re.compile(
    r'Exception in thread "|panic: |fatal error: |thread \'[^\']{0,200}\'(?: \(\d{1,20}\))? panicked at |Unhandled [Ee]xception'
    rf"|{SCRIPT_PLACE.pattern}|terminate called |Segmentation fault|(?:\(node:\d{{1,10}}\) )?UnhandledPromise"
    r"|Uncaught |Unhandled Promise|\*\* \(|PHP Fatal error: |Fatal error: Uncaught"
)
BROUGHT_ALONG = re.compile(r"(?:STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION): ")  # by Postgres, after its errors


# What a line that may be of a trace begins with, or has within its first characters, told by a search in Rust.
BEGINS_OF_TRACE = re.compile(
    r"\s|at |File |from |#\d|\.{3} |\(\w|\d{1,4}: |\^|~|\||\+|-{3}|\[|\*\* |\{|\}|\"|/|node:|PC=|rax "
)
has_words_of_trace = automaton(
    r"anic|goroutine|Traceback|fatal error|Uncaught|Unhandled|Exception|Error|[Cc]aused|handling of|above|Stack|Suppressed"
    r"|thrown|exit status|terminate called|Segmentation|Node\.js|note: |\.(rb|go|erb|rake|ru):|@\S|PHP|created by|Next |Wrapped"
)
WORDS_WITHIN = 400


def may_be_of_trace(line: str) -> bool:
    """Whether a line, without blanks at its start, is worth a closer look; a cheap test that passes over none."""
    return BEGINS_OF_TRACE.match(line) is not None or has_words_of_trace(line[:WORDS_WITHIN])


class Raised(NamedTuple):
    """An exception that a text tells of. `before`: what the log says itself, ahead of the trace."""

    type: str | None
    message: str
    trace: str
    before: str


def is_frame(line: str) -> bool:
    """Whether a line stands only within a trace."""
    return FRAME.match(line[:HEAD_CHARS].lstrip(" \t|+->")) is not None


def is_within(line: str) -> bool:
    """Whether a line stands within a trace, or at its end, where one has begun."""
    text = line[:HEAD_CHARS].lstrip()
    return WITHIN.match(text) is not None or is_frame(text)


def is_unhandled(line: str) -> bool:
    """Whether a line opens the trace of what nothing handled."""
    return UNHANDLED.match(line) is not None or is_ruby_head(line)


def is_ruby_head(line: str) -> bool:
    return ".r" in line[:HEAD_CHARS] and RUBY_HEAD.match(line[:HEAD_CHARS]) is not None


def is_head(line: str) -> bool:
    """Whether a line is the headline of an exception: its type, and its message where it has one."""
    head = line[:HEAD_CHARS].rstrip()
    found = RAILS_HEAD.match(head) if head.endswith("):") else HEAD.match(head)
    return found is not None and IS_EXCEPTION.search(found[1]) is not None


def opens_trace(line: str) -> bool:
    """Whether a trace may begin with this line."""
    return line.startswith((PYTHON_START, GROUP_START, "  + " + GROUP_START)) or is_unhandled(line) or is_head(line)


def find_raised(text: str) -> Raised | None:
    """The exception of a text of several lines, or of one that says that nothing handled it; None where there is none."""
    lines = text.split("\n", TRACE_LINES)
    for hint, read in READERS:
        if hint in text and (found := read(lines)) is not None:
            return found
    return read_frames(lines) if len(lines) > 1 else None


def raised_at(lines: list[str], start: int, of_type: str | None, message: str) -> Raised:
    return Raised(of_type, message.strip(), "\n".join(lines[start:]).strip("\n"), "\n".join(lines[:start]).strip())


def read_python(lines: list[str]) -> Raised | None:
    """The last exception of the chain is the one that was raised, and its headline stands behind its frames."""
    starts = [number for number, line in enumerate(lines) if PYTHON_START in line]
    outermost = MARGIN.match(lines[starts[0]]) if GROUP_START in lines[starts[0]] else None
    margin = outermost.end() if outermost else len(lines[starts[0]]) - len(lines[starts[0]].lstrip())
    of_own = [n for n in starts if lines[n].find(PYTHON_START if "Group" not in lines[n] else GROUP_START) == margin]
    last = of_own[-1] if of_own else starts[0]
    head = next((n for n in range(last + 1, len(lines)) if is_flush(lines[n], margin)), None)
    before = lines[starts[0]].partition("Exception Group")[0].partition(PYTHON_START)[0].strip(" +|")
    if head is None:
        return read_headed(lines, starts[0], before)
    found = HEAD.match(lines[head][margin : margin + HEAD_CHARS])
    of_type, message = (found[1], found[2] or "") if found else (None, lines[head][margin:])
    message = "\n".join([message, *message_lines(lines, head + 1, margin)])
    raised = raised_at(lines, starts[0], of_type, message)
    return raised._replace(before=f"{raised.before}\n{before}".strip()) if before else raised


def read_headed(lines: list[str], start: int, before: str) -> Raised:
    """Of a trace that has its headline ahead of it, as AWS Lambda writes it, or none."""
    found = HEAD.match(lines[start - 1][:HEAD_CHARS]) if start else HEAD.match(before)
    if found is None:
        return raised_at(lines, start, None, before)
    return raised_at(lines, start - (1 if start else 0), found[1], found[2] or "")


def is_flush(line: str, margin: int) -> bool:
    """Whether a line begins at the margin, as headlines do and frames do not."""
    own = line[margin : margin + 1]
    return bool(own.strip()) and own not in "|+~^>" and not line[:margin].strip(" |+")


def message_lines(lines: list[str], start: int, margin: int) -> list[str]:
    """The further lines of a message, up to what is of the trace again."""
    kept = []
    for line in lines[start : start + BACK_LINES]:
        if not line.strip(" |+-") or is_within(line) or "+-" in line[: margin + 8]:
            break
        kept.append(line[margin:] if not line[:margin].strip(" |") else line)
    return kept


def read_go(lines: list[str]) -> Raised | None:
    """`panic: ...` and what the runtime says after it."""
    for number, line in enumerate(lines):
        if GO_PANIC.match(line[:HEAD_CHARS]) is None:
            continue
        has_frames = any(is_frame(later) for later in lines[number + 1 :])
        if not has_frames and not line.startswith(("panic: ", "fatal error: ")):
            continue
        kind, _, message = line.partition(": ")
        if kind not in ("panic", "fatal error"):
            return raised_at(lines, number, "panic", line)
        return raised_at(lines, number, kind, message.removesuffix(" [recovered]"))
    return None


def read_rust(lines: list[str]) -> Raised | None:
    for number, line in enumerate(lines):
        if found := RUST_PANIC.search(line[:HEAD_CHARS]):
            quoted = re.match(r"'(.*)', \S{1,400}$", found[1])  # before Rust 1.73
            later = lines[number + 1] if number + 1 < len(lines) else ""
            return raised_at(lines, number, "panic", quoted[1] if quoted else later or found[1])
    return None


def read_php(lines: list[str]) -> Raised | None:
    """What PHP prints of what it did not catch, and what Monolog makes of an exception."""
    for number, line in enumerate(lines):
        found = PHP_UNCAUGHT.search(line[:HEAD_CHARS]) or PHP_OBJECT.search(line[:HEAD_CHARS])
        if found is None:
            continue
        message, *more = "\n".join([found[2] or "", *lines[number + 1 :]]).partition("\nStack trace:")
        message = PHP_PLACE.sub("", message if more[0] else found[2] or "")
        raised = raised_at(lines, number, found[1].replace("\\\\", "\\"), message)
        said = line[: found.start()].partition(' {"')[0]
        return raised._replace(before=f"{raised.before}\n{said}".strip(" \n:"))
    return None


def read_ruby(lines: list[str]) -> Raised | None:
    """`file.rb:1:in 'call': message (Type)`, as Ruby prints it at its end."""
    for number, line in enumerate(lines):
        if (found := RUBY_HEAD.match(line[:HEAD_CHARS])) and found[2]:
            return raised_at(lines, number, found[2], found[1])
    return None


def read_cpp(lines: list[str]) -> Raised | None:
    """What a C++ program prints at its end, and what the exception says on the next line."""
    for number, line in enumerate(lines):
        if found := CPP_HEAD.search(line[:HEAD_CHARS]):
            said = lines[number + 1].strip() if number + 1 < len(lines) else ""
            told = said.removeprefix("what():").strip() if said.startswith("what():") else line[found.start() :]
            return raised_at(lines, number, found[1], told)
    return None


def read_cocoa(lines: list[str]) -> Raised | None:
    for number, line in enumerate(lines):
        if found := COCOA_HEAD.search(line[:HEAD_CHARS]):
            return raised_at(lines, number, found[1], found[2])
    return None


def read_elixir(lines: list[str]) -> Raised | None:
    for number, line in enumerate(lines):
        if found := ELIXIR_HEAD.match(line[:HEAD_CHARS]):
            return raised_at(lines, number, found[1], found[2])
    return None


def read_frames(lines: list[str]) -> Raised | None:
    """Of a headline with frames behind it, as Java, .NET, Node, PHP and Rails print them."""
    first = next((number for number, line in enumerate(lines) if number and is_frame(line)), None)
    if first is None:
        return None
    for number in range(first - 1, max(first - 1 - BACK_LINES, -1), -1):
        line = lines[number][:HEAD_CHARS]
        if line.lstrip().startswith(("Caused by", "--->", "Suppressed")) and number:
            continue
        found = HEAD.match(line)
        if found and (IS_EXCEPTION.search(found[1]) or (number == first - 1 and found[1][:1].isupper() and found[2])):
            message = (
                "\n".join([found[2] or "", *lines[number + 1 : first]]).partition("\n --->")[0].partition("\n---> ")[0]
            )
            return raised_at(lines, source_start(lines, number), found[1], message)
        if rails := RAILS_HEAD.match(line):
            return raised_at(lines, number, rails[1], rails[2])
        if number == first - 1 and ".rb:" in lines[first] and (logged := RUBY_LOGGED.match(line)):
            return raised_at(lines, number, logged[2], logged[1])
    start, of_type, message = named_within(lines[first - 1])
    if start < 0:  # of Go, the function stands on the line before
        return raised_at(lines, first - (first > 1 and ".go:" in lines[first]), None, "")
    return raised_within(lines, first, start, of_type, message)


def source_start(lines: list[str], head: int) -> int:
    """Where the line of the program begins that Node shows ahead of what it did not catch; the headline where it shows none."""
    has_caret = any(line.strip(" ~") and not line.strip(" ~^") for line in lines[:head])
    return next((n for n in range(head) if has_caret and SCRIPT_PLACE.match(lines[n])), head)


NAMED = re.compile(
    rf"(?:^|[ (:])((?:{_NAME}(?:\.|::|\\)){{1,16}}+[A-Za-z_$]\w{{0,120}}?(?:Error|Exception)"
    r"|[A-Z]\w{0,80}?(?:Error|Exception)): "
)


def named_within(line: str) -> tuple[int, str, str]:
    """Where in the line before the first frame an exception is named, its type, and its message; -1 where none is."""
    found = NAMED.search(line[:HEAD_CHARS])
    return (found.start(1), found[1], line[found.end() :]) if found else (-1, "", "")


def raised_within(lines: list[str], first: int, start: int, of_type: str, message: str) -> Raised:
    """Of a headline that stands behind the log's own words on their line."""
    said, head = lines[first - 1][:start].rstrip(" :("), lines[first - 1][start:]
    trace = "\n".join([head, *lines[first:]]).strip("\n")
    return Raised(of_type, message.strip(), trace, "\n".join([*lines[: first - 1], said]).strip())


# In the order in which they are tried, each where its hint is in the text.
READERS: tuple[tuple[str, Callable[[list[str]], Raised | None]], ...] = (
    (PYTHON_START, read_python),
    ("panicked at ", read_rust),
    ("Uncaught ", read_php),
    ("[object] (", read_php),
    ("anic", read_go),
    ("fatal error: ", read_go),
    (":in ", read_ruby),
    ("** (", read_elixir),
    ("Terminating app due", read_cocoa),
    ("terminate called ", read_cpp),
)
