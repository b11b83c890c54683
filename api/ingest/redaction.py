"""Takes secrets out of an error before anything else sees it. Pure.

By name: the values of sensitive keys in context and tags, and what follows such a name in text (`password=...`).
By form: bearer tokens, private keys, credentials in URLs, keys of well-known providers, and card numbers that pass
the Luhn check.

Every expression is linear in what a client can send: no repeat may start again inside of what another start has
scanned already. A prefix of words before a name once took minutes for 64 KB of `a-a-a-`.

Most texts hold no secret, so one search for all that could begin one goes first, by the regular expressions of
pydantic's core: they are a finite automaton in Rust, forty times as fast here as `re`. All expressions but that for
private keys end with the line, so of a text that is suspected only the suspected lines are searched: few through a
memo, many as one block; and by those expressions alone whose own hint the automaton finds. 19 MiB of lines with
secrets took 15 to 25 s of CPU line by line; they take 2 to 5 s.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import SchemaValidator, core_schema

REDACTED = "[redacted]"
# Longer lines are searched each time, which bounds the memo's memory.
MEMO_CHARS = 512
MEMO_ENTRIES = 4_096
MANY_LINES = 32  # from here on one search of all is cheaper than one of each
NAME_CHARS = 200

# A key is sensitive when one of these stands anywhere in it (`dbPassword`, `stripe_api_key`), or one of the words by
# itself (`auth`, but not `author`). The names of Sentry's default list, and cookies, sessions, DSNs, card codes.
STEMS = (
    r"pass_?(?:word|wd|phrase|code)", "secret", "(?:api|access|private)[_-]?key", "credential", "[cx]srf",
    r"sess(?:ion)?[_-]?id", r"connection[_-]?string", "authorization", r"ip[_-]?addr", r"remote[_-]?addr",
    r"forwarded[_-]?for", r"real[_-]?ip", "(?:access|refresh|auth|api)[_-]?tokens", r"token(?![a-z])", "symfony",
    r"connect\.sid",
)  # fmt: skip
WORDS = (
    "pass", "pwd", "auth", "pin", "cvv", "cvc", "ssn", "sessions?", "cookies?", "dsn", "jwt", "bearer", "signature"
)  # fmt: skip
SENSITIVE_KEY = re.compile(rf"{'|'.join(STEMS)}|(?:^|[^a-z])(?:{'|'.join(WORDS)})(?:$|[^a-z])")
# Under these names a number is a secret too; under the others it stays: a token count is no token.
SECRET_AS_NUMBER = re.compile(r"pass_?(?:word|wd|code)|(?:^|[^a-z])(?:pass|pwd|pin|cvv|cvc|ssn)(?:$|[^a-z])")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# The first letter stands alone, so that the search skips to it: twice as fast as alternatives that ignore case.
_NAMED = (
    r"[pstacxdPSTACXD](?i:(?<=p)(?:ass(?:word|wd|phrase|code)|wd|rivate[_-]?key|(?<![a-z]p)in)"
    r"|(?<=s)(?:ecret|ess(?:ion)?[_-]?id|ignature|(?<![a-z]s)(?:id|sn))|(?<=t)oken"
    r"|(?<=a)(?:pi[_-]?key|ccess[_-]?key|uthorization)"
    r"|(?<=c)(?:redentials?|ookies?|srf|onnection[_-]?string|(?<![a-z]c)v[vc])|(?<=x)srf|(?<=d)sn)"
)
_NOT_YET = r"(?!\[redacted\])"


def automaton(hint: str) -> Callable[[str | bytes], bool]:
    """Whether a text, or what is one in UTF-8, has this, told in Rust; such expressions know no look-around. Of what is
    not UTF-8 (lone surrogates) it knows nothing and says no."""
    return SchemaValidator(core_schema.str_schema(pattern=hint)).isinstance_python


class Expression(NamedTuple):
    """What finds a kind of secret, with what stays of it as its first group, and a hint that all of its finds have."""

    hint: str
    secret: re.Pattern[str]
    has_hint: Callable[[str | bytes], bool]


def expression(hint: str, secret: str) -> Expression:
    return Expression(hint, re.compile(secret), automaton(hint))


_HEADER = r"[ \t]{0,4}[=:]"
_SCHEME = r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{1,20}://"
EXPRESSIONS = (
    # headers, to the end of the line: one secret may follow another
    expression(rf"(?i:cookie){_HEADER}", rf"([cC](?i:ookie)[ \t]{{0,4}}[=:][ \t]{{0,4}}){_NOT_YET}[^\r\n\"']+"),
    expression(
        rf"(?i:authorization){_HEADER}[ \t]{{0,4}}(?i:digest|aws4)",
        rf"([aA](?i:uthorization)[ \t]{{0,4}}[=:][ \t]{{0,4}}){_NOT_YET}(?i:digest|aws4-hmac-sha256)\b[^\r\n]+",
    ),
    expression(
        rf"(?i:authorization){_HEADER}",
        rf"([aA](?i:uthorization)[ \t]{{0,4}}[=:][ \t]{{0,4}}){_NOT_YET}(?:[A-Za-z]{{1,40}}[ \t]{{1,4}})?[^\s\"',;}}]+",
    ),
    # in quotes to their end, also in JSON inside of JSON; without quotes to the next break
    expression(
        r"(?i:pass(?:word|wd|phrase|code)|pwd|private[_-]?key|pin|secret|sess(?:ion)?[_-]?id|signature|sid|ssn|token"
        r"|(?:api|access)[_-]?key|authorization|credentials?|cookies?|[cx]srf|connection[_-]?string|cv[vc]|dsn)"
        rf"""(?:\\{{0,3}}["'])?{_HEADER}""",
        rf"""({_NAMED}(?:\\{{0,3}}["'])?[ \t]{{0,4}}[=:][ \t]{{0,4}}(?:\\{{0,3}}["'])?){_NOT_YET}"""
        r"""(?:(?<=\\["'])[^"'\\\r\n]+|(?<=")(?:[^"\\\r\n]|\\.)+|(?<=')(?:[^'\\\r\n]|\\.)+"""
        r"""|[^\s"'\\&,;}\])][^\s"'&,;}\])]*)""",
    ),
    # by their form
    expression(r"(?i:bearer)[ \t]", r"(?i)\b(bearer[ \t]{1,4})[a-z0-9._~+/-]{8,}=*"),
    expression(
        r"[Bb]asic[ \t]{1,4}[A-Za-z0-9+/]{8}",
        r"\b([Bb]asic[ \t]{1,4})(?=[a-z]{0,200}[A-Z0-9+/=])[A-Za-z0-9+/]{8,}=*",
    ),
    expression(r"://[^\s/:@]{0,200}:[^\s/@]{1,200}@", rf"({_SCHEME}[^\s/:@]{{0,200}}:){_NOT_YET}[^\s/@]{{1,200}}(?=@)"),
    expression(r"://[^\s/:@]{16,200}@", rf"({_SCHEME}){_NOT_YET}[^\s/:@]{{16,200}}(?=@)"),
    expression(
        r"(?:sk|pk|rk|xox[abprs]|gh[pousr]|github_pat|glpat|whsec|mayday_(?:ingest|read|admin))[-_][A-Za-z0-9_-]{16}",
        r"\b()(?:sk|pk|rk|xox[abprs]|gh[pousr]|github_pat|glpat|whsec|mayday_(?:ingest|read|admin))"
        r"[-_][A-Za-z0-9_-]{16,}",
    ),
    expression(
        r"(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}",
        r"\b()(?:(?:AKIA|ASIA)[A-Z0-9]{16}\b|AIza[A-Za-z0-9_-]{35})",
    ),
    expression(
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8}",
        r"(?<![A-Za-z0-9_-])()eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    ),
)
PRIVATE_KEY = re.compile(rf"(-----BEGIN [A-Z ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----){_NOT_YET}(?:[^-]|-(?!----END))+")
# 13 to 19 digits that begin as cards of the large networks do; times in milliseconds begin with 1.
# The digit stands first, so that the search skips to it.
CARD = expression(r"[2-6](?:[ -]?[0-9]){12}", r"[2-6](?<![0-9A-Za-z.-].)(?:[ -]?[0-9]){12,18}(?![0-9A-Za-z-])")
# Whether a line may have any of them. Not for JSON, where escapes stand before names and quotes.
has_any = automaton("|".join(f"(?:{known.hint})" for known in (*EXPRESSIONS, CARD)))


# Every text that a name or form above or a card number could change has one of these, also when the text is JSON, where
# an escape may stand before it. In Rust's expressions, which know no look-around.
_ESCAPE = r"\\(?:[a-z]|u[0-9a-f]{4})"
HINT = (
    r"(?i:sid|pass|pwd|[psr]k[-_]|secret|sess|ssn|signature|symfony|token|(?:api|access|private)[ _-]?key|auth|akia"
    r"|asia|aiza|cred|cookie|srf|cv[vc]|connection[_-]?string|connect\.sid|dsn|bearer|basic|jwt|://|xox[abprs][-_]"
    r"|gh[pousr][-_]|github_pat|glpat|whsec|mayday_|eyj|ip[_-]?addr|remote[_-]?addr|forwarded[_-]?for|real[_-]?ip)"
    rf"|(?:^|[^A-Za-z]|{_ESCAPE})p(?i:in)|P(?i:in)"
    rf"|(?:^|[^0-9A-Za-z.-]|{_ESCAPE})[2-6](?:[ -]?[0-9]){{12}}"
)
has_hint = automaton(HINT)


def may_hold_secrets(text: str) -> bool:
    """Whether a text is worth a closer look: cheap, and true for every text that redaction would change.

    Of a text that is not UTF-8 (it has lone surrogates) the automaton knows nothing.
    """
    return has_hint(text) or not (text.isascii() or is_utf8(text))


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def redact_text(text: str) -> tuple[str, int]:
    """The text without its secrets, and how many were taken out."""
    if not may_hold_secrets(text):
        return text, 0
    count = 0
    if "PRIVATE KEY" in text:
        text, count = PRIVATE_KEY.subn(rf"\1{REDACTED}", text)
    lines = text.split("\n")
    suspected = [number for number, line in enumerate(lines) if has_any(line) or not (line.isascii() or is_utf8(line))]
    if len(suspected) < MANY_LINES:
        searched = [search_line(lines[number]) for number in suspected]
    else:
        block, found = search("\n".join([lines[number] for number in suspected]))
        searched = [(line, 0) for line in block.split("\n")]
        count += found
    for number, (line, found) in zip(suspected, searched, strict=True):
        lines[number] = line
        count += found
    return ("\n".join(lines), count) if count else (text, 0)


def search_line(line: str) -> tuple[str, int]:
    return remember(line) if len(line) <= MEMO_CHARS else search(line)


def search(text: str) -> tuple[str, int]:
    """One line or many, by each expression whose hint is there."""
    count = 0
    is_opaque = not (text.isascii() or is_utf8(text))
    for known in EXPRESSIONS:
        if is_opaque or known.has_hint(text):
            text, found = known.secret.subn(rf"\1{REDACTED}", text)
            count += found
    return redact_cards(text, count) if is_opaque or CARD.has_hint(text) else (text, count)


remember = lru_cache(maxsize=MEMO_ENTRIES)(search)  # lines of traces repeat


def redact_cards(text: str, count: int) -> tuple[str, int]:
    """Replace what reads as a card number: 13 to 19 digits, spaced or not, with a right check digit."""
    found = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal found
        if not passes_luhn(match[0]):
            return match[0]
        found += 1
        return REDACTED

    return CARD.secret.sub(replace, text), count + found


DOUBLED = {str(digit): sum(divmod(2 * digit, 10)) for digit in range(10)}


def passes_luhn(number: str) -> bool:
    """The check of ISO/IEC 7812-1 over the digits; a row of one digit is no card."""
    digits = number.replace(" ", "").replace("-", "")[::-1]
    total = sum(map(int, digits[::2])) + sum(map(DOUBLED.__getitem__, digits[1::2]))
    return total % 10 == 0 and len(set(digits)) > 1


def redact_value(value: Any) -> tuple[Any, int]:
    """A copy of a JSON value without its secrets, by key and by form, and how many were taken out."""
    match value:
        case str():
            return redact_text(value)
        case dict():
            return redact_object(value)
        case list():
            pairs = [redact_value(item) for item in value]
            return [v for v, _ in pairs], sum(n for _, n in pairs)
        case int() if not isinstance(value, bool):
            text, found = redact_cards(str(value), 0)
            return (text, found) if found else (value, 0)
    return value, 0


def redact_object(value: dict[str, Any]) -> tuple[dict[str, Any], int]:
    kept: dict[str, Any] = {}
    count = 0
    for key, item in value.items():
        name, in_name = redact_text(key)
        if item and is_secret(key[-NAME_CHARS:], is_number=isinstance(item, int | float)):
            kept[name], found = REDACTED, 1
        else:
            kept[name], found = redact_value(item)
        count += in_name + found
    return kept, count


@lru_cache(maxsize=4_096)
def is_secret(name: str, *, is_number: bool = False) -> bool:
    """Whether a value under this name is a secret; camel case is read as words."""
    pattern = SECRET_AS_NUMBER if is_number else SENSITIVE_KEY
    return pattern.search(CAMEL.sub("_", name).lower()) is not None
