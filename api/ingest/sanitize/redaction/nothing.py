"""What stands where a secret would and is none: signs, words and sentences about it, and source code. Pure."""

import re

from api.ingest.sanitize.redaction.names import vocabulary, words_of
from api.ingest.sanitize.redaction.providers import is_random

_BLOTTED = (
    "redacted|filtered|hidden|masked|removed|scrubbed|omitted|sanitized|protected|private|secret|unset|empty|none|null"
)
NO_VALUES = frozenset(_BLOTTED.split("|")) | vocabulary("""
    null none nil undefined nan n/a na true false yes no on off str string text varchar char bytes int integer bool
    boolean any object secretstr optional number value
""")
# What a program fills in: a word, `{token}`, `{oauth2_token}`, or a place with its format, `{0:N2}`; `{Value:x}` holds one.
_PLACE = r"(?:[A-Za-z_.]{1,40}(?:[0-9]{1,2}[A-Za-z]?[_.][A-Za-z_.]{1,20})?[0-9]{0,2}|[0-9]{0,2})(?::[<>^]?[A-Za-z]?[0-9]{0,2})?"
SIGNS = re.compile(
    rf"""(?axi) [*\u2022]+ | \.{{2,}} | -{{1,3}} | \?\d{{0,2}} | _+ | \#+ | \u2026
    | [()\[\]{{}}:;,.'"<>=+/|&!?-]{{1,2}}
    | <[^<>]{{0,60}}> | \[(?:{_BLOTTED})[^\]]{{0,20}}\] | \((?:{_BLOTTED})[^)]{{0,20}}\) | \{{(?:{_BLOTTED})\}}
    | \$\{{[^}}]{{0,80}}\}}+ | \$(?-i:[A-Z_][A-Z0-9_]*|[a-z_]+) | \$\d{{1,2}} | \$\([^)]{{0,80}}\)
    | \{{\{{[ ]?[\w.: ]{{0,60}}\}}\}} | \{{[ ]?{_PLACE}[ ]?\}} | \#\{{[^}}]{{0,80}}\}} | <%=[^%]{{0,80}}%>
    | %\(\w{{1,40}}\)[sdr] | %[-+\#]?\d{{0,2}}[a-z@] | %(?-i:[A-Z_]+)% | :(?-i:[a-z_]+) | @(?-i:[a-z_]+)
    """
)
# One of these by itself, or before other words, is what a program says of a value.
SAID = vocabulary("""
    required missing invalid incorrect wrong expected unexpected failed failure expired unknown denied rejected
    mismatch mismatched ok okay valid accepted success successful error unauthorized forbidden unauthenticated
    authenticated optional blank unset empty malformed revoked unsupported disabled enabled unavailable not was none
    refused sent resent pending verified issued
""")
METHODS = vocabulary("""
    basic bearer digest negotiate ldap oauth oauth2 saml kerberos ntlm publickey plain
""")
# With more words behind them they begin a sentence.
OPENERS = (
    vocabulary("""
    must is are were be cannot can't can could couldn't should shouldn't may might has have had does doesn't do did
    didn't the a an this that these it its no too only at please field value length needs need unable ensure enter
    choose use minimum maximum contains contain already isn't wasn't won't will would of for from in on and or but
    with by to your you we because when if while after before string number expecting parsing refresh lookup new
    await async lambda doesnt cant
""")
    | SAID
)
# What is said of a value: a pass phrase that begins as a sentence has none of these.
VERDICTS = SAID | vocabulary("""
    must is are cannot can could should may has have does do did least most too only need needs allowed match
    matches short long weak common correct found given set provided contain contains ensure enter choose provide
    changed between already longer than connecting parsing refresh lookup unable getting loading from
""")
WORD = re.compile("[a-z]+")
WEAK = vocabulary("""
    auth token session sessions cookie cookies credentials pass signature dsn bearer csrf jwt pin otp sid hmac
""")
PARSERS = re.compile(
    r"(?ai)\b(?:unexpected|expect(?:ed|ing)|unknown|illegal|unrecogni[sz]ed|near|next|last|current|offending|syntax|pars\w{1,4}"
    r"|lex\w{0,4}|mismatched|extraneous|dangling|undefined|stray|reserved)\b"
)
# Source code of a trace: a call, an attribute, an index.
CODE = re.compile(
    r"(?:new |await )?[A-Za-z_$]+(?:base64|sha\d{1,3}|md5)?(?:(?:\??\.|::|->)[A-Za-z_]\w*)*"
    r"[(\[](?:\d{0,6}[)\]]|[$:]\d{1,2}[)\]]|[A-Za-z_]\w{0,40}=(?!=)|(?![^)\]\s]{0,60}\d))"
    r"|(?:base64|sha|md|b)\d{1,3}\w*\("
    r"|base64(?:\.[A-Za-z]\w*)?\((?![^)\s]{0,60}[\"'])"
    r"|[A-Za-z_]\w{0,40}\([A-Za-z_]\w{0,40}\("  # a call in a call
    r"|(?:[A-Z][A-Za-z]{1,40}::){1,4}[A-Za-z_]+(?:\.[a-z_]+)?(?![\w!#$%@-])"
    r"|[a-z]{1,2}\.[a-z_]{2,40}(?![\w.!#$%@/-])"  # a column of a table
    r"|(?:self|this|cls|settings|config|cfg|conf|options|opts|args|kwargs|env|process|os|requests?|req|res|response|ctx|context"
    r"|app|params|data|body|user|credentials|creds|auth|session|tokens?|secrets?|state|props|event|form|input|payload|result"
    r"|Token|Config|lexer|parser)(?:\??\.|::|->)[A-Za-z_]"
)
# A literal in a call: `Field(default="x")`
LITERAL = re.compile(r"[A-Za-z_$][\w.$:>-]{0,80}\((?:[^()\r\n]{0,60}?[=,( ])?[bru]?[\"']([^\s\"']{8,200})")
FILLED_IN = re.compile(
    rf"(?:\$\{{[^}}\r\n]{{0,80}}\}}+|\{{\{{[^}}\r\n]{{0,80}}\}}\}}|\{{{_PLACE}\}}"
    r"|#\{[^}\r\n]{0,80}\}|%\(\w{1,40}\)[sdr]|\$\([^)\r\n]{0,80}\))(?![\w!#*])"
)
SCHEME = re.compile(
    r"(?ai)(?:bearer|basic|token|apikey|api-key|negotiate|ntlm|key|ssws|genie-?key|splunk)(?:[ \t]{1,4}|%20|\+)"
)
LONGEST_WORD = 40
IS_CROSSED = re.compile("[xX]{3,}")
ATOM = re.compile(r"""["'`]([^"'`]*)["'`]|[^\s"'`\[\](){}:,=>]+""", re.ASCII)
SCHEMA = vocabulary("""
    required min max type string minlength maxlength error errors message msg code detail format
""")
ENDS = re.compile(r"[ \t]*$", re.MULTILINE)
SENTENCE_CHARS = 60
GOES_ON = re.compile(r"""[ ][A-Za-z"'(<`\[]""")
BEFORE_CHARS = 48
IS_CAMEL = re.compile("[a-z]+(?:[A-Z][a-z]+)+")
IS_VARIABLE = re.compile("_?[A-Z][a-z]+[A-Za-z]*$|_[a-z_]+$")


def stands_for_none(value: str) -> bool:
    """Whether a value is a sign or a word for none: `null`, `***`, `${PASSWORD}`."""
    if value[:1].isalpha():
        return len(value) <= LONGEST_WORD and (value.lower() in NO_VALUES or IS_CROSSED.fullmatch(value) is not None)
    return SIGNS.fullmatch(value) is not None


def is_nothing(value: str, words: str) -> bool:
    """Whether a value between quotes stands for none, or is a sentence about it."""
    value = value.strip()
    if scheme := SCHEME.match(value):
        value = value[scheme.end() :]
    return not value or stands_for_none(value) or is_said(value) or is_same(value, words)


def is_said(value: str) -> bool:
    said = value.replace("\u2019", "'").split()
    if not said:
        return False
    first = said[0].lower().strip(".,:;!?()")
    if len(said) == 1:
        return first in SAID or first in METHODS
    return first in OPENERS and (first in SAID or not VERDICTS.isdisjoint(WORD.findall(value.lower())))


def is_same(value: str, words: str) -> bool:
    """Whether a value is its own name again, as in `connect(password=password)`, or a variable's that begins with it."""
    if words and IS_VARIABLE.match(value, len(words)) and words_of(value[: len(words)]) == words:
        return True
    if words and IS_CAMEL.fullmatch(value) and words_of(value).endswith(f"_{words}"):
        return True
    if value == "password" and words.endswith("key"):
        return True
    if len(value) > len(words) + 4:
        return False
    flat = value.strip("*").replace("_", "").replace("-", "").lower()
    return flat in (words.replace("_", ""), words.rpartition("_")[2])


def holds_nothing(value: str, words: str) -> bool:
    """Whether all that is between these brackets stands for no value."""
    if stands_for_none(value) or (":" not in value and is_said(value.strip("[](){}\"'` "))):
        return True
    atoms = [(match[0], match[1]) for match in ATOM.finditer(value)]
    if value[0] == "(" and all(quoted is None and atom.isalpha() for atom, quoted in atoms):
        return True  # variables of a program
    return all(is_harmless(atom if quoted is None else quoted, words) for atom, quoted in atoms)


def is_harmless(atom: str, words: str) -> bool:
    return is_nothing(atom, words) or atom.lower() in SCHEMA or (atom.isdigit() and len(atom) <= 3)


def is_no_value(text: str, start: int, end: int, words: str, operator: str) -> bool:
    """Whether what stands here without quotes is no value: a sign for none, a sentence, source code."""
    value = text[start:end]
    if stands_for_none(value) or is_same(value, words) or CODE.match(text, start) or FILLED_IN.match(text, start):
        return True
    word = value.lower().replace("\u2019", "'").rstrip(".,:;!?")
    if word in SAID or word in METHODS:
        return True
    is_weak = words in WEAK and value.isalpha()
    if operator == "=":
        return is_weak and value.islower() and text.startswith("= ", start - 2) and ENDS.match(text, end) is not None
    if operator == " " and value.isupper() and value.replace("_", "").isalpha():
        return True  # in a text on how to call a program
    if GOES_ON.match(text, end) and ((operator == ":" and is_weak) or is_said(text[start : end + SENTENCE_CHARS])):
        return True
    return words == "token" and is_parsed(text, start, value)


def find_literal(text: str, start: int) -> tuple[int, int] | None:
    """Where a text that reads as drawn is among the arguments of a call: `ENV.fetch("KEY", "x")`."""
    literal = LITERAL.match(text, start) if CODE.match(text, start) else None
    if literal and is_random(literal[1]) and any(map(str.isdigit, literal[1])):
        return literal.span(1)
    return None


def is_parsed(text: str, start: int, value: str) -> bool:
    """Whether this is a token that a parser tells of: `Unexpected token: }`, `token: EOF`."""
    if any(sign.isdigit() for sign in value) or len(value) > 24 or value not in (value.lower(), value.upper()):
        return False
    before = max(0, start - BEFORE_CHARS)
    return (value.isalpha() and value.isupper()) or PARSERS.search(text, before, start) is not None
