"""Secrets in a sentence, with no sign between the name and the value: `the password is x`, `token x expired`. Pure."""

import re

from api.ingest.sanitize.redaction.expressions import Finder, finder
from api.ingest.sanitize.redaction.nothing import is_nothing
from api.ingest.sanitize.redaction.providers import is_random
from common.fingerprint import REDACTED

_QUOTES = "\"'`\u201c\u2018\u00ab"
_OF_PASSWORDS = "password|passwd|passphrase|passcode"
_OF_TOKENS = "token|secret|(?:api|access|secret|private|signing|auth)[ _-]?key"
_VERB = "(?:is|was|is[ \t]now|of|equals)"
SAID = re.compile(
    rf"(?ai)(?<![a-z0-9_.-])(?:(?P<password>{_OF_PASSWORDS})|(?:{_OF_TOKENS}))[ \t]{{1,4}}(?:(?P<verb>{_VERB})[ \t]{{1,4}})?"
    rf"(?:[{_QUOTES}](?P<quoted>[^{_QUOTES}\u201d\u2019\u00bb\r\n]{{1,200}})[{_QUOTES}\u201d\u2019\u00bb]"
    r"|(?P<bare>[^\s\"'`,;()<>\[\]{}=]{6,200}))"
)
# Of a token more is asked, since a text on tokens names much else: long, and with letters and digits in turns.
TOKEN = re.compile(r"(?=[^0-9]*+[0-9]++[A-Za-z_+/-]++[0-9])(?=[^A-Za-z]*+[A-Za-z])[A-Za-z0-9_+/=-]{20,}", re.ASCII)
OF_BOTH = re.compile(r"(?=[^0-9]*+[0-9])(?=[^A-Za-z]*+[A-Za-z])", re.ASCII)
IS_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[a-z0-9]+(?:-[a-z0-9]+)+")


def redact_said(text: str) -> tuple[str, int]:
    """The text without what its sentences say a password or a token is."""
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        group = "quoted" if match["quoted"] else "bare"
        if not is_told(match, match[group], group == "quoted"):
            return match[0]
        count += 1
        start, end = (place - match.start() for place in match.span(group))
        return match[0][:start] + REDACTED + match[0][end:]

    return SAID.sub(replace, text), count


def is_told(match: re.Match[str], value: str, is_quoted: bool) -> bool:
    """Whether this is the secret itself: of a password what is quoted or drawn, of a token what is drawn and long."""
    bare = value.rstrip(".:!?")
    if not match["password"]:
        return TOKEN.fullmatch(bare) is not None and IS_ID.fullmatch(bare) is None
    if is_quoted and (match["verb"] or OF_BOTH.match(value)):
        return not is_nothing(value, "password")
    return OF_BOTH.match(bare) is not None and (match["verb"] is not None or is_random(bare))


PROSE: Finder = finder(
    rf"(?i-u:{_OF_PASSWORDS}|{_OF_TOKENS})[ \t]+(?:(?i-u:{_VERB})[ \t]+)?(?:[{_QUOTES}]|[^ \t\r\n,;()]{{6}})",
    redact_said,
)
