"""Secrets that stand over several lines: private keys, and values that begin on the line after their name. Pure.

It goes first, over the whole text; what it takes is one find, and what it looks at for nothing is bounded.
"""

import re
from collections.abc import Callable

from api.ingest.sanitize.redaction.expressions import automaton
from api.ingest.sanitize.redaction.forms import PRIVATE_KEY
from api.ingest.sanitize.redaction.names import TEXT_NAME, is_secret, words_of
from api.ingest.sanitize.redaction.nothing import holds_nothing
from api.ingest.sanitize.redaction.values import LOOKED_AT_CHARS, TYPED, Span, find_close, find_value
from common.fingerprint import REDACTED

BLANKS_MAX = 200
OVER_LINES_CHARS = 4_096  # of a value in brackets; one that is not closed by then was cut, or is none
BLANKS = re.compile(r"[ \t]*")
_NAME = r"(?<![A-Za-z0-9_.-])(?P<name>[A-Za-z0-9_.-]++)[\"']?\]?[ \t]{0,4}"
# `"password": [`, `password: |`, and PHP's `["password"]=>` before a typed value
OPENED = re.compile(
    rf"{_NAME}(?:=>|[:=])[ \t]{{0,4}}(?P<open>[\[{{(]|[|>][+-]?[0-9]?|(?<==>))[ \t]{{0,8}}\r?\n(?P<indent>[ \t]{{0,200}})"
)
# The name on one line and the value on the next: `- name: DB_PASSWORD` before `value: ...`
LABELLED = re.compile(
    r"(?<![A-Za-z0-9_.-])[\"']?(?i:name|key)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?(?P<name>[A-Za-z0-9_.-]++)[\"']?,?[ \t]{0,8}\r?\n"
    r"[ \t]{0,200}[\"']?(?i:value|val|content|default)[\"']?[ \t]{0,4}[:=][ \t]{0,4}"
)
# A part of a form: `Content-Disposition: form-data; name="password"`, an empty line, and the value
FORM_DATA = re.compile(
    r"(?<![A-Za-z0-9_.-])name=\"(?P<name>[A-Za-z0-9_.\[\]-]++)\"[ \t]{0,8}\r?\n(?:[A-Za-z-]{1,40}:[^\r\n]{0,200}\r?\n){0,3}\r?\n"
)
# The place on one line, and what was wrong with its value on the next, as pydantic tells it
VALIDATED = re.compile(rf"{_NAME}\r?\n[ \t]{{1,8}}[^\r\n]{{1,300}}?\[type=[a-z_]{{1,60}}, input_value=")
LINE = re.compile(r"[^\r\n]+")
# A map of YAML, and an element, whose value is on the next line
NESTED = re.compile(
    rf"{_NAME}:[ \t]{{0,8}}\r?\n[ \t]{{1,200}}[\"']?(?:value|val|data|content|plain|default)[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}}"
)
ELEMENT = re.compile(
    r"<(?:[A-Za-z0-9_-]{1,40}:)?(?P<name>[A-Za-z][A-Za-z0-9_.-]{0,100}+)(?:[ \t][^<>\r\n]{0,200})?>"
    r"[ \t]{0,200}\r?\n[ \t]{0,200}(?=[^<\s])"
)
_NAMED = rf"(?:{TEXT_NAME})[A-Za-z0-9_.-]*[\"']?"
HINT = (
    rf"{_NAMED}[ \t]*\r?\n[ \t]+[^\r\n]+input_value=|"
    rf"{_NAMED}\]?[ \t]*(?:=>|[:=])[ \t]*(?:[\[{{(]|[|>][+-]?[0-9]?)?[ \t]*\r?\n"
    rf"|<[A-Za-z0-9_.:-]*{_NAMED}[^<>\r\n]*>[ \t]*\r?\n"
    rf"|(?i-u:name|key)[\"']?[ \t]*[:=][ \t]*[\"']?[A-Za-z0-9_.-]*{_NAMED}\]?[\"']?,?[ \t]*\r?\n"
)
may_go_on = automaton(HINT)


def redact_over_lines(text: str) -> tuple[str, int]:
    """The text without the secrets that are not on one line with what tells them."""
    count = 0
    if "PRIVATE" in text:
        text, count = PRIVATE_KEY.subn(rf"\1{REDACTED}", text)
    if "\n" not in text or not (may_go_on(text) or not text.isascii()):
        return text, count
    for names, find in (
        (OPENED, find_opened),
        (LABELLED, find_next),
        (FORM_DATA, find_part),
        (VALIDATED, find_next),
        (NESTED, find_next),
        (ELEMENT, find_next),
    ):
        text, found = redact_spans(text, names, find)
        count += found
    return text, count


def redact_spans(text: str, names: re.Pattern[str], find: Callable[[re.Match[str]], Span | None]) -> tuple[str, int]:
    kept: list[str] = []
    done = 0
    for found in names.finditer(text):
        span = find(found) if found.start() >= done and is_secret(found["name"].rstrip("]"), in_text=True) else None
        if span:
            kept += text[done : span[0]], REDACTED
            done = span[1]
    return ("".join([*kept, text[done:]]), len(kept) // 2) if kept else (text, 0)


def find_opened(found: re.Match[str]) -> Span | None:
    """What is between brackets over lines, or in the lines that are further in than the name."""
    text, opened = found.string, found["open"]
    if opened in ("[", "{", "("):
        start = found.start("open")
        end = find_close(text, start, start + OVER_LINES_CHARS)
        is_short = end - start <= LOOKED_AT_CHARS
        return None if is_short and holds_nothing(text[start:end], words_of(found["name"])) else (start, end)
    if opened:
        return find_block(found)
    typed = TYPED.match(text, found.end())
    return find_value(text, found.end(), found["name"], "=>") if typed else None


def find_block(found: re.Match[str]) -> Span | None:
    """The lines of a block of YAML: all that begin as far in as its first, which is further in than its name."""
    text, indent = found.string, found["indent"]
    line_start = text.rfind("\n", 0, found.start()) + 1
    if len(indent) <= len(BLANKS.match(text, line_start, line_start + BLANKS_MAX)[0]):  # type: ignore[index]
        return None
    start = end = found.start("indent")
    while text.startswith(indent, end):
        ended = text.find("\n", end)
        end = len(text) if ended < 0 else ended + 1
    return start + len(indent), end - text.endswith("\n", start, end)


def find_part(found: re.Match[str]) -> Span | None:
    line = LINE.match(found.string, found.end())
    return line.span() if line and not line[0].startswith("--") else None


def find_next(found: re.Match[str]) -> Span | None:
    return find_value(found.string, found.end(), found["name"], ":")
