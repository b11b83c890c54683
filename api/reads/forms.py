"""The forms that an answer can be read in: fewer fields, a table, no more than so many tokens. Pure: bytes to bytes.

A language model pays for each token that it reads. A list of errors as JSON names every field of every error; as a
table it names them once, and only those that were asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from api.reads.schemas import ErrorDetail, ErrorSummary, PatternDetail, ReleaseSeen, SeriesOfPattern
from api.reads.tables import as_csv, as_markdown
from api.reads.tokens import estimate_tokens
from common.snapshots.schema import PatternSummary

SHAPED = "application/vnd.mayday.shaped+json"


class Format(StrEnum):
    """How an answer is written down."""

    json = "json"
    columnar = "columnar"
    csv = "csv"
    markdown = "markdown"


MEDIA_TYPES = {
    Format.json: SHAPED,
    Format.columnar: SHAPED,
    Format.csv: "text/csv; charset=utf-8; header=present",
    Format.markdown: "text/markdown; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Table:
    """What is a row in a document: the items under `rows`, or the document itself where that is None.

    `brief` are the columns of a markdown table when no fields are asked for.
    """

    rows: str | None
    fields: tuple[str, ...]
    brief: tuple[str, ...]


def names_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of its fields as documents have them."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def alone(model: type[BaseModel]) -> Table:
    """A document that is one row."""
    return Table(None, names_of(model), names_of(model))


ERRORS = Table(
    "errors", tuple(ErrorSummary.model_fields), ("timestamp", "severity", "service", "error_type", "message")
)
SERIES = Table("patterns", tuple(SeriesOfPattern.model_fields), ("id", "counts", "previous"))
PATTERNS = Table("patterns", tuple(PatternSummary.model_fields), ("count", "trend", "services", "last_seen", "title"))
RELEASES = Table("releases", tuple(ReleaseSeen.model_fields), tuple(ReleaseSeen.model_fields))
ERROR = alone(ErrorDetail)
PATTERN = alone(PatternDetail)


@dataclass(frozen=True, slots=True)
class Form:
    """What was asked for; `fields` is empty for all."""

    format: Format = Format.json
    fields: tuple[str, ...] = ()
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Shaped:
    """An answer in its form, how many tokens it has, and what `max_tokens` left out of it (a structured field)."""

    body: bytes
    media_type: str
    tokens: int
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """A document taken apart: its facts, its rows (dictionaries of the columns), and what was left out so far."""

    facts: dict[str, Any]
    columns: tuple[str, ...]
    rows: Sequence[dict[str, Any]]
    rows_left_out: int = 0
    sections_left_out: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not (self.rows_left_out or self.sections_left_out)


def shape(body: bytes, table: Table, form: Form) -> Shaped:
    """The JSON document `body` in the form, trimmed to `max_tokens` as estimated.

    Rows go first, from the end; then whole facts, largest first. What is left when nothing more can go may be more.
    """
    if form == Form():
        return Shaped(body, "application/json", estimate_tokens(body.decode()))
    parts = take_apart(from_json(body), table, form)
    text = write(parts, table, form)
    tokens = estimate_tokens(text)
    if form.max_tokens is not None and tokens > form.max_tokens:
        is_one_row = table.rows is None and form.format is not Format.json
        parts = (trim_columns if is_one_row else trim_rows)(parts, table, form)
        text = write(parts, table, form)
        tokens = estimate_tokens(text)
    sections = " ".join(f'"{name}"' for name in parts.sections_left_out)
    left_out = None if parts.is_whole else f"rows={parts.rows_left_out}, sections=({sections})"
    return Shaped(text.encode(), MEDIA_TYPES[form.format], tokens, left_out)


def take_apart(document: dict[str, Any], table: Table, form: Form) -> Parts:
    """The rows with the columns that are wanted. Only whole JSON keeps the lists among the facts."""
    columns = form.fields or (table.brief if form.format is Format.markdown else table.fields)
    if table.rows is None:
        if form.format is Format.json:
            return Parts({name: document[name] for name in columns}, columns, ())
        return Parts({}, columns, (document,))
    keeps_lists = form.format is Format.json and not form.fields
    facts = {
        name: value
        for name, value in document.items()
        if name != table.rows and (keeps_lists or not isinstance(value, list))
    }
    rows = [{name: row[name] for name in columns} for row in document[table.rows]]
    return Parts(facts, columns, rows)


def trim_columns(parts: Parts, table: Table, form: Form) -> Parts:
    """The one row without its largest values, until it fits."""
    [row] = parts.rows
    while estimate_tokens(write(parts, table, form)) > (form.max_tokens or 0):
        largest = largest_fact({name: row[name] for name in parts.columns})
        if largest is None:
            break
        columns = tuple(name for name in parts.columns if name != largest)
        parts = replace(parts, columns=columns, sections_left_out=(*parts.sections_left_out, largest))
    return parts


def trim_rows(parts: Parts, table: Table, form: Form) -> Parts:
    """As many rows from the start as fit; facts only while none fits."""
    room = form.max_tokens or 0
    rows, bare = parts.rows, replace(parts, rows=(), rows_left_out=len(parts.rows))
    while estimate_tokens(write(bare, table, form)) > room and (largest := largest_fact(bare.facts)):
        facts = {name: value for name, value in bare.facts.items() if name != largest}
        bare = replace(bare, facts=facts, sections_left_out=(*bare.sections_left_out, largest))
    left = room - estimate_tokens(write(bare, table, form))
    shown = count_fitting((estimate_tokens(write_row(row, parts.columns, form)) for row in rows), left)
    while True:
        fitting = replace(bare, rows=rows[:shown], rows_left_out=len(rows) - shown)
        if shown == 0 or estimate_tokens(write(fitting, table, form)) <= room:
            return fitting
        shown -= 1


def largest_fact(facts: dict[str, Any]) -> str | None:
    """The name of what takes most room and is more than a number, a time or an id."""
    sizes = {name: len(to_json(value)) for name, value in facts.items()}
    return max((name for name, size in sizes.items() if size > 40), key=lambda name: sizes[name], default=None)


def count_fitting(costs: Iterable[int], room: int) -> int:
    shown = 0
    for cost in costs:
        room -= cost
        if room < 0:
            break
        shown += 1
    return shown


def write(parts: Parts, table: Table, form: Form) -> str:
    """The parts as text."""
    cells = [[row[name] for name in parts.columns] for row in parts.rows]
    if form.format is Format.csv:
        return as_csv(parts.columns, cells)
    if form.format is Format.markdown:
        return as_markdown(parts.facts, parts.columns, cells, parts.rows_left_out)
    document = dict(parts.facts)
    if form.format is Format.columnar:
        document |= {"columns": parts.columns, "rows": cells}
    elif table.rows is not None:
        document[table.rows] = parts.rows
    if not parts.is_whole:
        document["left_out"] = {"rows": parts.rows_left_out, "sections": parts.sections_left_out}
    return to_json(document).decode()


def write_row(row: dict[str, Any], columns: Sequence[str], form: Form) -> str:
    """One row as it stands in the text, to know what it costs."""
    cells = [row[name] for name in columns]
    if form.format is Format.csv:
        return as_csv((), [cells])
    if form.format is Format.markdown:
        return as_markdown({}, (), [cells], 0)
    return to_json(cells if form.format is Format.columnar else row).decode() + ","
