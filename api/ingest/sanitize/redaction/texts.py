"""Secrets in a text: which lines are looked at, and by which finders. Pure."""

from functools import lru_cache

from api.ingest.sanitize.redaction import providers
from api.ingest.sanitize.redaction.assignments import ASSIGNMENTS
from api.ingest.sanitize.redaction.cards import CARDS, NUMBER_HINT
from api.ingest.sanitize.redaction.expressions import ESCAPE, Finder, automaton
from api.ingest.sanitize.redaction.forms import FORMS
from api.ingest.sanitize.redaction.lines import redact_over_lines
from api.ingest.sanitize.redaction.names import name_hint
from api.ingest.sanitize.redaction.prose import PROSE

# Longer lines are searched each time, which bounds the memo's memory.
MEMO_CHARS = 512
MEMO_ENTRIES = 4_096
MANY_LINES = 32  # from here on one search of all is cheaper than one of each

FINDERS: tuple[Finder, ...] = (*ASSIGNMENTS, PROSE, *FORMS, *providers.PROVIDERS, CARDS)
# Whether a line may have any of them. Not for JSON, where escapes stand before names and quotes.
has_any = automaton("|".join(f"(?:{known.hint})" for known in FINDERS))
# Every text that redaction could change has one of these, also when the text is JSON, where an escape may stand before
# it. In Rust's expressions, which know no look-around.
HINT = "|".join(
    (
        name_hint(ESCAPE),
        *(f"(?:{known.hint})" for known in (*FORMS, *providers.PROVIDERS)),
        NUMBER_HINT,
        "(?i-u:private[ +%])",
    )
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
    text, count = redact_over_lines(text)
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
    """One line or many, by each finder whose hint is there."""
    count = 0
    is_opaque = not (text.isascii() or is_utf8(text))
    for known in FINDERS:
        if is_opaque or known.has_hint(text):
            text, found = known.redact(text)
            count += found
    return text, count


remember = lru_cache(maxsize=MEMO_ENTRIES)(search)  # lines of traces repeat
