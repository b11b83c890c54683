"""Where the value after a secret's name begins and ends. Pure.

Each value is walked once: what is taken is not searched again, and what is looked at and left is bounded.
"""

import re
from functools import lru_cache
from string import ascii_letters

from api.ingest.sanitize.redaction.names import words_of
from api.ingest.sanitize.redaction.nothing import (
    FILLED_IN,
    SCHEME,
    find_literal,
    holds_nothing,
    is_no_value,
    is_nothing,
    is_parsed,
)

Span = tuple[int, int]
LOOKED_AT_CHARS = 256  # of a value that may turn out to be none

TO_THE_END = re.compile(
    r"(?ai)(?:digest|aws4|hmac|oauth|signature|hawk|mac|sharedkey|sharedaccesssignature|[a-z0-9-]{1,40}[ \t]{1,4}[a-z]{1,40}=)"
)

_TYPE = (
    r"(?:str|string|String|bytes|text|any|Any|SecretStr|Optional\[[\w.]{1,20}\]|&?'?\w{0,8} ?str)(?:[ ]\|[ ]None)?\??"
)
ANNOTATION = re.compile(rf"{_TYPE}[ \t]{{0,4}}=[ \t]{{0,4}}(?!=)")
OPENING = re.compile(
    r"""(?:[bBrRuUfFNELq@$&]{1,2}(?=["'`\\]))?"""
    r"""(\\{0,7}(?:\"""|'''|["'`])|%22|%27|&quot;|&#3[49];|&apos;|\\{1,3}(?:u00|x)2[27]|[\u201c\u2018\u00ab])"""
)
OPENING_SIGNS = frozenset("\"'`\\%&\u201c\u2018\u00abbBrRuUfFNELq@$")
BRACKET_SIGNS, SCHEME_SIGNS = frozenset("[{("), frozenset(ascii_letters)
# A value as Rust, Haskell and pydantic print it: `Some("x")`
# and as a program makes one of a literal: `[]byte("x")`, `new String("x")`, `String::from("x")`, `Buffer.from("x")`
WRAPPED = re.compile(
    r"(?:Some|Just|Ok|Optional|Secret[A-Za-z]{0,8}|(?:new )?String|Text|Buffer)(?=\()"
    r"|(?:\[\](?:byte|rune|uint8)|(?:std::)?string|bytes|bytearray|str|String::(?:from|new)|(?:Buffer|Bytes)\.from)(?=\([bBrRuUL]?[\"'`])"
)
WRAPPING_SIGNS = frozenset("SJOTBsbn[")
# What stands before a value and says its type: of PHP's var_dump, a cast, and a tag or an anchor of YAML
TYPED = re.compile(r"(?:string\([0-9]{1,9}\) |\((?:string|\[\]byte)\)[ ]?)(?=[\"'`])")
TAGGED = re.compile(r"(?:!!(?:str|binary)|!unsafe|&[A-Za-z_][A-Za-z0-9_]{0,40})[ \t]{1,4}(?=[^\s])")
# Before a call, whose literal would be left where a blank ended the value: `new Credential("x")`
MADE = re.compile(r"(?:new|await)[ \t]{1,4}(?=[A-Za-z_$][\w.$:<>]{0,80}\()", re.ASCII)
UNKNOWN_SCHEME = re.compile(r"[A-Za-z][\w-]{0,30}[ \t]{1,4}(?=[^\s]{0,200}[0-9:=+/])", re.ASCII)
HEADERS = ("authorization", "cookie", "cookies")
CLOSING = {"\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
QUOTED = {quote: re.compile(rf"[^{quote}\\\r\n]*(?:(?:\\.|{quote}{quote})[^{quote}\\\r\n]*)*") for quote in "\"'`"}
# Without quotes: to a blank or what ends a value; most of it goes on where letters follow that are no next name.
_NEXT = r"(?![\w.%\[\]$@-]{1,64}\\{0,3}[\"']?[ ]?(?:[=:]|%3[ADad]))"
BARE = re.compile(
    rf"""(?:[^\s"'`&,;}}\])<>|\\%]+|%(?!2[267Cc]|3[BDbd]|7[Dd]|5[Dd]|0[AaDd])"""
    rf"""|[,&]{_NEXT}(?=[A-Za-z0-9!#*])|[)\]}}"'>](?=[A-Za-z0-9])|\\(?![nrt"'\\u\s]|$))+"""
)
FIRST = re.compile(r"""[^\s"'`&,;}\])<>|\\=]""", re.ASCII)
HEADER_ENDS = {"'": re.compile(r"[^\r\n']+"), '"': re.compile(r'[^\r\n"]+'), "": re.compile(r"[^\r\n]+")}
HEADER_OPENED = re.compile(r"""(["'])[A-Za-z_-]+[ \t]{0,4}[=:][ \t]{0,4}$""", re.ASCII)
COOKIE = re.compile(r"[^\s=;]{1,200}=[^=\s]", re.ASCII)
BRACKETS = re.compile(r"""["'`\[\](){}\r\n]""", re.ASCII)


def find_value(text: str, start: int, name: str, operator: str) -> Span | None:
    """Where the value is that begins here, without its quotes; None where there is none. `name` as it stands there."""
    if operator == ":" and (annotated := ANNOTATION.match(text, start)):
        start = annotated.end()
    if typed := TYPED.match(text, start) or (operator == ":" and TAGGED.match(text, start)):
        start = typed.end()
    sign = text[start : start + 1]
    if sign in OPENING_SIGNS and (opening := OPENING.match(text, start)):
        return find_quoted(text, opening.end(), opening[1], words_of(name))
    if sign in WRAPPING_SIGNS and (wrapped := WRAPPED.match(text, start)):
        start = wrapped.end()
        sign = "("
    if sign in BRACKET_SIGNS and not FILLED_IN.match(text, start):
        return find_bracketed(text, start, words_of(name))
    return find_bare(text, start, name, operator) if FIRST.match(text, start) else None


@lru_cache(maxsize=64)
def closing(quote: str) -> re.Pattern[str]:
    """What ends a text that such a quote began; escaped quotes in it are escaped once more."""
    return re.compile(rf"(?:(?<!\\){re.escape(CLOSING.get(quote, quote))}|$|(?=[\r\n]))", re.MULTILINE)


def find_quoted(text: str, start: int, quote: str, words: str) -> Span | None:
    if quote in QUOTED:
        ended = QUOTED[quote].match(text, start)
        end = ended.end() if ended else start
    else:
        found = closing(quote).search(text, start)
        end = found.start() if found else len(text)
    if words == "token" and end - start <= LOOKED_AT_CHARS and is_parsed(text, start, text[start:end]):
        return None
    return None if end - start <= LOOKED_AT_CHARS and is_nothing(text[start:end], words) else (start, end)


def find_bracketed(text: str, start: int, words: str) -> Span | None:
    """From a bracket to the one that closes it, or to the end of the line."""
    end = find_close(text, start)
    if end - start <= LOOKED_AT_CHARS and holds_nothing(text[start:end], words):
        return None
    return start, end


def find_close(text: str, start: int, over_lines_to: int = 0) -> int:
    """Behind the bracket that closes the one here, or the end of the line, or what it may run over lines to."""
    depth, place = 0, start
    while found := BRACKETS.search(text, place):
        place, sign = found.end(), found[0]
        if sign in "\r\n":
            if place < over_lines_to:
                continue
            return found.start()
        if sign in QUOTED:
            ended = QUOTED[sign].match(text, place)
            place = ended.end() if ended else place
            place += text.startswith(sign, place)  # where it is closed on this line
            continue
        depth += 1 if sign in "[{(" else -1
        if depth == 0:
            return place
    return len(text)


def find_bare(text: str, start: int, name: str, operator: str) -> Span | None:
    words = words_of(name)
    if words.endswith(HEADERS) and is_header(text, start, words, operator):
        return find_header(text, start, len(name))
    if made := MADE.match(text, start):
        start = made.end()
    if literal := find_literal(text, start):
        return literal
    first = start
    if text[start] in SCHEME_SIGNS:
        scheme = SCHEME.match(text, start)
        if scheme is None and words.endswith("authorization"):
            scheme = UNKNOWN_SCHEME.match(text, start)
        first = scheme.end() if scheme else start
    ended = BARE.match(text, first)
    if ended is None:
        return None
    end = ended.end()
    return None if end - first <= LOOKED_AT_CHARS and is_no_value(text, first, end, words, operator) else (start, end)


def is_header(text: str, start: int, words: str, operator: str) -> bool:
    """Whether this is a header whose value goes on after a blank."""
    if words.endswith("authorization"):
        return TO_THE_END.match(text, start) is not None
    return operator in (":", "=") and COOKIE.match(text, start) is not None


def find_header(text: str, start: int, name_chars: int) -> Span | None:
    """To the end of the line, or to the quote that stands before the name: one secret may follow another."""
    opened = HEADER_OPENED.search(text, max(0, start - name_chars - 12), start)
    ended = HEADER_ENDS[opened[1] if opened else ""].match(text, start)
    return (start, ended.end()) if ended else None
