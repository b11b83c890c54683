"""Secrets by the name before them: `name=value` with any operator, quotes and brackets, and its like. Pure.

One search finds every name and what joins it to a value; `names` says whether it is a secret's, `values` where it ends.
"""

import re

from api.ingest.sanitize.redaction.expressions import ESCAPE, Finder, finder
from api.ingest.sanitize.redaction.names import TEXT_NAME, is_secret
from api.ingest.sanitize.redaction.providers import is_random
from api.ingest.sanitize.redaction.values import find_value
from common.fingerprint import REDACTED

_QUOTE = r"""(?:\\{0,7}["'`]|%2[27]|&quot;|&#3[49];|&apos;|\\{1,3}(?:u00|x)2[27])"""
_BLANKS = r"(?:[ \t]|%20){0,8}"
_OPERATOR = (
    r"=&gt;|::=|(?:\|\||&&|\?\?|//|[?+*|&.^-])?={1,3}[>~]?|:={0,2}(?!:|//)|-{1,2}>{1,2}|<-{1,2}|~>"
    r"|%3[AaDd](?:%3[Ee])?|&#61;|\\u003[de](?:\\u003e)?"
)
_HIDDEN = r"(?::[\"A-Za-z0-9_\\]{1,60})?:(?:protected|private)(?=\])"  # of an object, as PHP prints it
_STRING = r"""[bBrRuU]?\\{0,7}["'`]"""
ASSIGNMENT = re.compile(
    rf"(?<![A-Za-z0-9_.-])(?:(?P<flag>--?[A-Za-z][A-Za-z0-9_.-]*+)[ \t]{{1,4}}(?=[^\s=:|-])"
    rf"|(?P<name>[A-Za-z0-9_.-]++)(?=[\\\"'`%&\])= \t:,<~?+*^/|.-])"
    rf"(?:(?:{_QUOTE}|\]|%5[Dd]|\)|{_HIDDEN}){{0,3}}{_BLANKS}(?P<operator>{_OPERATOR}){_BLANKS}"
    rf"|(?P<pair>\\{{0,7}}[\"'`][ \t]{{0,4}},[ \t]{{0,4}})(?={_STRING})))"
)
# An element, and an object or an element that has the name under one name and the value under another.
_LABEL = r"(?:name|key|id|field|header|property|param(?:eter)?|label|variable|attribute|option|env|k|type(?=[^a-z0-9]{1,8}pass))"
_LABEL_HINT = _LABEL.replace("(?=[^a-z0-9]{1,8}pass)", "")
_VALUE = r"(?:value|val|v|content|data|default|text|string_?value)"
ELEMENT = re.compile(
    r"(?:<|&lt;)(?:[A-Za-z0-9_-]{1,40}:)?(?P<name>[A-Za-z][A-Za-z0-9_.-]{0,100}+)"
    r"(?P<operator>(?:[ \t][^<>\r\n]{0,200})?(?:>|&gt;))"
    r"(?:<!\[CDATA\[)?(?=[^<\s])"
)
LABELLED = re.compile(
    rf"""(?ai)(?<![a-z0-9]){_LABEL}{_QUOTE}?[ \t]{{0,4}}(?:=>|[=:])[ \t]{{0,4}}{_QUOTE}?"""
    rf"""(?P<name>[a-z0-9_.-]{{1,100}}+){_QUOTE}?"""
    rf"""(?P<operator>[^<>\r\n{{}}]{{0,60}}?(?<![a-z0-9_]){_VALUE}{_QUOTE}?[ \t]{{0,4}}(?:=>|[=:])[ \t]{{0,4}}"""
    rf"""|[ \t]{{0,4}}>(?=[^<\s])|[^<>\r\n]{{0,60}}>[ \t]{{0,4}}<value[ \t]{{0,4}}>(?=[^<\s])|(?:\\r)?\\n(?:\\r)?\\n)"""
)
VALUE_FIRST = re.compile(
    rf"""(?ai)((?<![a-z0-9_]){_VALUE}["'][ \t]{{0,4}}(?:=>|:)[ \t]{{0,4}}["'])([^"'\r\n]{{1,200}})"""
    rf"""(["'][ \t]{{0,4}},[ \t]{{0,4}}["']{_LABEL}["'][ \t]{{0,4}}(?:=>|:)[ \t]{{0,4}}["'])([a-z0-9_.-]{{1,100}})"""
)
# Without a sign between: `ALTER USER a PASSWORD 'x'`, and keywords as Lisps print them.
QUOTED_AFTER = re.compile(
    r"""(?a)(?<![A-Za-z0-9_.-])(?:(?P<name>(?i:password|passwd|passphrase))(?P<operator>[ \t]{1,4}|[ \t]{0,4}\([ \t]{0,4})"""
    r"""|(?P<column>[A-Za-z0-9_-]++)[ \t]{1,4}(?:IN[ \t]{0,4}\([ \t]{0,4}|I?LIKE[ \t]{1,4})"""
    r"""|(?<=:)(?P<keyword>[A-Za-z0-9_-]++)[ \t]{1,4}(?:\.[ \t]{1,4})?)(?=N?["'])"""
)
# And where a blank alone is between, of a value that reads as drawn: `set aws_secret_access_key x1Y2z3`.
SPACED_OUT = re.compile(r"(?a)(?<![A-Za-z0-9_.-])(?P<spaced>[A-Za-z0-9_.-]++)[ \t]{1,4}(?=[\"'A-Za-z0-9+/!#*])")
DRAWN = re.compile(r"(?a)(?=[^\s\"']{0,40}[0-9])(?=[^\s\"']{0,40}[A-Za-z])[^\s\"',;)]{6,}")
PASSWORD = re.compile(r"(?ai)password|passwd|passphrase")
OF_TWO_WORDS = re.compile(r"[A-Za-z0-9][_.-][A-Za-z0-9]|[a-z0-9][A-Z]")
HEADER = re.compile(r"(?ai)authorization|cookie|^x-|-(?:key|token)$")
IS_NAME = re.compile(r"""\\{0,7}["'`][ \t]{0,4}(?:=>|[=:])""")
ALONE = re.compile(r"[ \t]*$", re.MULTILINE)
FOLDERS = frozenset("/~")
OPERATORS = {"flag": " ", "keyword": "'", "column": "'", "spaced": " ", "pair": ","}
NO_SECRET = re.compile(r"[A-Za-z_][A-Za-z_ .-]*")
BEFORE_HIDDEN = frozenset("\\% ")
SPACED = frozenset(("key", "keys", "code", "codes", "id", "phrase", "number", "string", "secret"))
WORD_BEFORE = re.compile(r"([A-Za-z0-9]{1,20})[ ]$")


def redact_named(text: str, names: re.Pattern[str]) -> tuple[str, int]:
    """The text without the values that stand after the names of secrets."""
    kept: list[str] = []
    done = 0
    for found in names.finditer(text):
        span = find_secret(text, found) if found.start() >= done else None
        if span:
            kept += text[done : span[0]], REDACTED
            done = span[1]
    return ("".join([*kept, text[done:]]), len(kept) // 2) if kept else (text, 0)


STORED = re.compile(r"(?i:session|cookie|sid)s?")


def find_secret(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """Where the secret is whose name was found, if it is one's."""
    kind = found.lastgroup or ""
    group = kind if kind in OPERATORS and kind != "pair" else "name"
    name = found[group]
    if not is_name_of_secret(text, found.start(group), name):
        return None
    operator = OPERATORS.get(kind) or found["operator"].strip()
    if name.lower().endswith("pwd") and text[found.end() : found.end() + 1] in FOLDERS:
        return None  # the shell's
    span = find_value(text, found.end(), name, operator)
    if span is None:
        return None
    value = text[span[0] : span[1]]
    if kind == "spaced" and not stands_alone(text, span, found, name):
        return None
    if operator == "," and not stands_after(text, span, name):
        return None
    if value.isdigit() and not is_secret(name, in_text=True, digits=len(value)):
        return None
    return None if is_path_of_store(text, span, name) else span


def is_path_of_store(text: str, span: tuple[int, int], name: str) -> bool:
    """Whether it is the key of a cache or a store, `session:user:42`, which names what it is about and holds nothing drawn."""
    return (
        STORED.fullmatch(name) is not None
        and text[span[0] - 1 : span[0]] == ":"
        and not is_random(text[span[0] : span[1]].replace(":", "-"))
    )


def stands_alone(text: str, span: tuple[int, int], found: re.Match[str], name: str) -> bool:
    """Whether what comes after a name and a blank is its value: quoted after a name of two words, or drawn."""
    value = text[span[0] : span[1]]
    is_drawn = DRAWN.fullmatch(value) is not None
    if OF_TWO_WORDS.search(name) or name.isupper():
        return is_drawn or (span[0] > found.end() and NO_SECRET.fullmatch(value) is None)
    return (
        is_drawn
        and PASSWORD.fullmatch(name) is not None
        and (is_random(value) or ALONE.match(text, span[1]) is not None)
    )


def stands_after(text: str, span: tuple[int, int], name: str) -> bool:
    """Whether the text after a comma is the value of the name before it, and not the next name."""
    if IS_NAME.match(text, span[1]):
        return False
    return HEADER.search(name) is not None or NO_SECRET.fullmatch(text, *span) is None


def is_name_of_secret(text: str, start: int, name: str) -> bool:
    """Whether this is a secret's name, with the word before it or without the escape that it begins with."""
    if is_secret(name, in_text=True):
        return not text.endswith("via ", 0, start)
    before = text[start - 1 : start]
    if before not in BEFORE_HIDDEN:
        return False
    if before == "\\" and name[0] in "nrt":
        return is_secret(name[1:], in_text=True)
    if before == "%" or (before == "\\" and name[0] == "u"):
        return is_secret(name[2 if before == "%" else 5 :], in_text=True)
    if before == "\\" and name[0] == "x":
        return is_secret(name[3:], in_text=True)
    if before == " " and name.lower() in SPACED:
        word = WORD_BEFORE.search(text, max(0, start - 21), start)
        return word is not None and is_secret(f"{word[1]}_{name}", in_text=True)
    return False


def redact_values_first(text: str) -> tuple[str, int]:
    """`{"value": "x", "name": "password"}`: the value stands before its name."""
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        if match[2] == REDACTED or not is_secret(match[4], in_text=True):
            return match[0]
        count += 1
        return f"{match[1]}{REDACTED}{match[3]}{match[4]}"

    return VALUE_FIRST.sub(replace, text), count


_NAMED = rf"(?:{TEXT_NAME})[A-Za-z0-9_.-]*"
ASSIGNMENTS: tuple[Finder, ...] = (
    finder(
        rf"{_NAMED}(?: (?i-u:{'|'.join(sorted(SPACED))}))?(?:[\\\"'`)\] \t;]|{ESCAPE}|&quot|&#3[49]|&apos){{0,24}}"
        rf"(?:[=:,]|[?+*|&.^/-]{{1,2}}=|->|-->|<-|~>|%3|&#61|\\u003)"
        rf"|-[A-Za-z0-9_.-]*{_NAMED}[ \t]",
        lambda text: redact_named(text, ASSIGNMENT),
    ),
    finder(rf"{_NAMED}[ \t(.]+(?:(?:IN|I?LIKE)[ \t(]+)?N?[\"']", lambda text: redact_named(text, QUOTED_AFTER)),
    finder(rf"{_NAMED}[ \t]+[\"'A-Za-z0-9+/!#*]", lambda text: redact_named(text, SPACED_OUT)),
    finder(rf"(?:<|&lt;)[A-Za-z0-9_.:-]*{_NAMED}", lambda text: redact_named(text, ELEMENT)),
    finder(
        rf"(?i-u:{_LABEL_HINT}){_QUOTE}?[ \t]*(?:=>|[=:])[ \t]*{_QUOTE}?[A-Za-z0-9_.-]*{_NAMED}",
        lambda text: redact_named(text, LABELLED),
    ),
    finder(rf"(?i-u:{_LABEL_HINT})[\"'][ \t]*(?:=>|:)[ \t]*[\"'][A-Za-z0-9_.-]*{_NAMED}", redact_values_first),
)
