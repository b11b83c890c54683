"""Rows of JSON values as CSV and as markdown. Pure."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

CELL_MAX_CHARACTERS = 240
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets run instead of showing it
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """RFC 4180, with the columns as header where there are any."""
    text = io.StringIO()
    writer = csv.writer(text)
    if columns:
        writer.writerow(columns)
    writer.writerows([[cell(value) for value in row] for row in rows])
    return text.getvalue()


def cell(value: Any) -> str:
    return flat(value) if isinstance(value, int | float) else harmless(flat(value))


def harmless(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would take it for a formula: anyone may send a message."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def as_markdown(facts: dict[str, Any], columns: Sequence[str], rows: Sequence[Sequence[Any]], left_out: int) -> str:
    """The facts in a line, a table (times to the second, long cells cut), and a line on what was left out."""
    lines = ["; ".join(f"{name} {short(value)}" for name, value in facts.items() if value is not None), ""]
    if columns:
        lines += ["|".join(columns), "|".join("-" for _ in columns)]
    lines += ["|".join(short(value) for value in row) for row in rows]
    if left_out:
        lines += ["", f"{left_out} more rows were left out: raise max_tokens, or filter."]
    return "\n".join(lines).lstrip("\n") + "\n"


def flat(value: Any) -> str:
    """A value in one cell: counts by key as `key count`, lists with commas, other objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(flat(item) for item in value)
    if isinstance(value, dict):
        if value.keys() == {"key", "count"}:
            return f"{value['key']} {value['count']}".strip()
        return to_json(value).decode()
    return str(value)


def short(value: Any) -> str:
    """A cell of a markdown table: one line, without what would end the cell."""
    text = TIMESTAMP.sub(r"\1 \2", " ".join(flat(value).split()))
    if len(text) > CELL_MAX_CHARACTERS:
        text = text[:CELL_MAX_CHARACTERS] + "..."
    return text.replace("\\", "\\\\").replace("|", "\\|")
