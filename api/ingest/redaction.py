"""Takes secrets out of an error before anything else sees it. Pure.

By name: the values of sensitive keys in context and tags, and what follows such a name in text (`password=...`).
By form: bearer tokens, private keys, credentials in URLs, keys of well-known providers, and card numbers that pass
the Luhn check.
"""

import re
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

SENSITIVE_NAMES = (
    "password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "access_key",
    "private_key", "authorization", "auth", "credential", "credentials", "cookie", "set-cookie", "session",
    "sessionid", "session_id", "csrf", "xsrf", "dsn", "x-api-key", "pin", "cvv", "ssn", "connection_string",
    "bearer", "jwt", "signature",
)  # fmt: skip
_NAMES = "|".join(sorted((re.escape(name) for name in SENSITIVE_NAMES), key=len, reverse=True))
# A key is sensitive when one of the names is a word of it: `dbPassword`, `stripe_api_key`, but not `author`.
SENSITIVE_KEY = re.compile(rf"(?:^|[^a-z])(?:{_NAMES})(?:$|[^a-z])")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

NAMED = re.compile(
    r"(?i)\b((?:[a-z0-9]+[_-])*(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|authorization|credentials?|cookie|session[_-]?id|dsn|signature)[\"']?\s*[=:]\s*[\"']?)(?!\[redacted)([^\s\"'&,;}\])]+)"
)
FORMS = (
    re.compile(r"(?i)\b((?:bearer|basic)\s+)([a-z0-9._~+/-]{8,}=*)"),
    re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)((?:[^-]|-(?!----END))*)"),
    re.compile(r"([a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,200}:)([^\s/@]{1,200})(?=@)"),
    re.compile(r"\b()((?:sk|pk|rk|xox[abprs]|gh[pousr]|glpat|mayday_(?:ingest|read|admin))[-_][A-Za-z0-9_-]{16,})"),
    re.compile(r"\b()((?:AKIA|ASIA)[A-Z0-9]{16})\b"),
    re.compile(r"\b()(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)"),
)
# Any text that a name or form above could change has one of these in lower case: one search for all of them, grouped
# by first letter, costs a tenth of the expressions above, and half of looking for each word by itself.
HINT = re.compile(
    r"p(?:ass|wd|in|k[-_])|s(?:ecret|ess|sn|k[-_]|ignature)|token|key|a(?:uth|kia|sia)"
    r"|c(?:red|ookie|srf|vv|onnection_string)|xsrf|dsn|b(?:earer|asic)|jwt|://|rk[-_]|xox|g(?:h[pousr]|lpat)|mayday_|eyj"
)
CARD = re.compile(r"(?<![0-9A-Za-z.-])[0-9](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z-])")


@lru_cache(maxsize=2_048)
def redact_text(text: str) -> tuple[str, int]:
    """The text without its secrets, and how many were taken out. Remembered, since traces repeat."""
    count = 0
    if HINT.search(text.lower()) is not None:
        for form in (*FORMS, NAMED):
            text, found = form.subn(rf"\1{REDACTED}", text)
            count += found
    return redact_cards(text, count)


def redact_cards(text: str, count: int) -> tuple[str, int]:
    """Replace what reads as a card number: 13 to 19 digits, spaced or not, with a right check digit."""
    found = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal found
        if not passes_luhn(match[0]):
            return match[0]
        found += 1
        return REDACTED

    return CARD.sub(replace, text), count + found


def passes_luhn(number: str) -> bool:
    """The check of ISO/IEC 7812-1 over the digits; a row of one digit is no card."""
    digits = [int(c) for c in reversed(number) if c.isdigit()]
    total = sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
    return total % 10 == 0 and len(set(digits)) > 1


def may_hold_secrets(text: str) -> bool:
    """Whether a JSON text is worth a walk: cheap, and true for every text that the walk would change."""
    return HINT.search(text.lower()) is not None or CARD.search(text) is not None


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
        # numbers stay: a token count is no token
        if is_sensitive_name(key) and item and not isinstance(item, int | float):
            kept[key], found = REDACTED, 1
        else:
            kept[key], found = redact_value(item)
        count += found
    return kept, count


@lru_cache(maxsize=4_096)
def is_sensitive_name(name: str) -> bool:
    """Whether a key of this name holds a secret; camel case is read as words."""
    return SENSITIVE_KEY.search(CAMEL.sub("_", name).lower()) is not None
