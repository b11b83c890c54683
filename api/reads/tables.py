"""Rows of JSON values as CSV and as markdown. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from api.reads.cells import csv_cell, markdown_cell

BACKSLASH = "\\"


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """RFC 4180, with the columns as header where there are any."""
    text = io.StringIO()
    writer = csv.writer(text)
    if columns:
        writer.writerow(columns)
    writer.writerows([[csv_cell(value) for value in row] for row in rows])
    return text.getvalue()


def as_markdown(facts: dict[str, Any], columns: Sequence[str], rows: Sequence[Sequence[Any]], left_out: int) -> str:
    """The facts in a line, a table (times to the second, long cells cut), and a line on what was left out."""
    lines = ["; ".join(f"{name} {markdown_cell(value)}" for name, value in facts.items() if value is not None), ""]
    if columns:
        lines += [join_cells(columns), join_cells("-" for _ in columns)]
    lines += [join_cells(markdown_cell(value) for value in row) for row in rows]
    if left_out:
        lines += ["", f"{left_out} more rows were left out: raise max_tokens, or filter."]
    return "\n".join(lines).lstrip("\n") + "\n"


def join_cells(cells: Iterable[str]) -> str:
    """A row. Without the strokes around it, the first cell could begin a heading, a fence or a list instead; some readers
    take a stroke right after a backslash for a part of the cell, whatever stands before that."""
    return f"|{'|'.join(f'{cell} ' if cell.endswith(BACKSLASH) else cell for cell in cells)}|"
