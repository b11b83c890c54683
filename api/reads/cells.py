"""One cell of a table, as plain text, in markdown or in CSV: whatever anyone sent, it is only shown. Pure.

In markdown a cell is one line without markup; its row begins with a stroke, so that it begins nothing else. What cannot
be seen, or turns what stands beside it round, is shown as Python writes it. In CSV a text that a spreadsheet would run
stands behind an apostrophe.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from pydantic_core import to_json

CELL_MAX_CHARACTERS = 240
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")
# Controls, formats (zero width, bidirectional, tags), fillers that look like a blank, private use, halves of characters.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
# Marks that mean something to markdown where they stand (`_` within a word and `<` before a blank do not), and the end of
# a comment to `cli/cost_log.py`.
MARKUP = re.compile(r"[\\`*\[|~]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|(?<=-)>|&(?=[#A-Za-z])|:(?=//)|(?<=www)\.")
MINUS = "\u2212"  # which has no other form by Unicode's rules, as full-width signs have
FORMULA_STARTS = frozenset("=+-@")
LINE_STARTS = ("\t", "\r", "\n")


def flat(value: Any) -> str:
    """A value in one cell: counts by key as `key count`, lists with commas, other objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, float):
        return write_number(value)
    if isinstance(value, list):
        return ", ".join(flat(item) for item in value)
    if isinstance(value, dict):
        if value.keys() == {"key", "count"}:
            return f"{value['key']} {value['count']}".strip()
        return to_json(value).decode()
    return str(value)


def write_number(number: float) -> str:
    """Without an exponent, as it is read back to the same."""
    return f"{Decimal(repr(number)):f}"


def csv_cell(value: Any) -> str:
    text = flat(value)
    return f"'{text}" if not isinstance(value, int | float) and may_be_formula(text) else text


def may_be_formula(text: str) -> bool:
    """Whether a spreadsheet might run it: it looks past what cannot be seen, and takes full-width signs for the others."""
    if text.startswith(LINE_STARTS):
        return True
    first = UNSEEN.sub("", text[:CELL_MAX_CHARACTERS]).lstrip()[:1]
    return first == MINUS or unicodedata.normalize("NFKC", first)[:1] in FORMULA_STARTS


def markdown_cell(value: Any) -> str:
    """Times to the second, what is long cut."""
    text = TIMESTAMP.sub(r"\1 \2", show_unseen(flat(value)))
    return escape_markup(text if len(text) <= CELL_MAX_CHARACTERS else text[:CELL_MAX_CHARACTERS] + "...")


def show_unseen(text: str) -> str:
    """In one line: blanks of all kinds are one blank, and what else cannot be seen is written out."""
    return write_out(" ".join(text.split()))


def write_out(text: str) -> str:
    """What cannot be seen, or would move a terminal's cursor, as Python writes it; ends of lines too."""
    return UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def escape_markup(text: str) -> str:
    return MARKUP.sub(r"\\\g<0>", text)
