"""Reads a cost log that a team keeps as markdown: tables with a row per team, and `TOTAL MTD`. Pure.

What cannot be read is reported with its line and never taken for 0.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from cli.cost_numbers import NumberUnreadable, bare_word, read_count, read_each, read_tokens, read_unit, read_usd

_HEADERS = {
    "team": ("team", "teams", "agent team", "agent", "squad", "department", "name"),
    "tokens": (
        "tokens",
        "total tokens",
        "tokens used",
        "token usage",
        "token count",
        "tokens mtd",
        "mtd tokens",
        "usage",
    ),
    "cost": ("cost", "costs", "cost usd", "total cost", "est cost", "estimated cost", "cost mtd", "usd"),
    "each": (
        "tokens deliverable",
        "tokens per deliverable",
        "per deliverable",
        "avg tokens deliverable",
        "avg tokens per deliverable",
        "avg deliverable",
    ),
    "deliverables": ("deliverables", "deliverable count", "deliverables done", "completed"),
    "status": ("status", "band", "state", "health"),
}
_SPELLINGS = {"tok": "tokens", "toks": "tokens", "token": "tokens", "task": "deliverable", "item": "deliverable",
              "ticket": "deliverable", "pr": "deliverable", "tasks": "deliverables", "items": "deliverables",
              "tickets": "deliverables", "prs": "deliverables"}  # fmt: skip


def _spell(header: str) -> str:
    """A header's words, each in one spelling."""
    return " ".join(_SPELLINGS.get(word, word) for word in re.findall(r"[a-z]+", header.lower()))


_COLUMN_OF = {_spell(name): column for column, names in _HEADERS.items() for name in names}
_BY_PLACE = {"team": 0, "tokens": 1, "cost": 2, "status": 3}
_RULE = re.compile(r"[\s|:\-]*-[\s|:\-]*")
_TOTAL = re.compile(r"(?:grand )?totals?(?: \(?mtd\)?)?(?: \((?!team\))[^)]*\))?:?|mtd totals?:?", re.IGNORECASE)
_TOTAL_LINE = re.compile(r"\btotal \(?mtd\)? ?[:=] ?([0-9][0-9,.' ]*[KM]?)", re.IGNORECASE)
_BUDGET_LINE = re.compile(r"\bbudget(?: limit| tokens)? ?[:=] ?([0-9][0-9,.']*[KM]?)(?! ?%|[0-9.])", re.IGNORECASE)
_OF_LIMIT = re.compile(
    r"(?:\bused\b.*?\bof|\btotal\b.*[0-9] ?(?:/|of)) ?([0-9][0-9,.']*[KM]?)(?! ?%|[0-9.])", re.IGNORECASE
)


T = TypeVar("T")


class CostLogEmpty(ValueError):
    """No spend could be read: an error, not 0 %. The text says what was found instead."""


@dataclass(frozen=True, slots=True)
class CostRow:
    """A team's line. None where the log says nothing; `line` counts from 1."""

    line: int
    team: str
    tokens: int
    cost_usd: Decimal | None = None
    tokens_per_deliverable: Decimal | None = None
    deliverables: int | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A line, or the part of it, that was not taken in, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class CostLog:
    """What a cost log says. `rows` are those of the table with the total, where there is one, else all."""

    rows: tuple[CostRow, ...]
    total: CostRow | None
    budget_tokens: int | None
    unread: tuple[Unread, ...]

    @property
    def total_tokens(self) -> int:
        """Tokens of the month: what `TOTAL MTD` says, else the sum of the rows."""
        return self.total.tokens if self.total else sum(row.tokens for row in self.rows)


@dataclass(slots=True)
class _Table:
    columns: dict[str, int]
    units: dict[str, str]
    rows: list[CostRow]
    total: CostRow | None = None


def parse_cost_log(text: str) -> CostLog:
    """Read a log. Raises CostLogEmpty where neither a team's row nor a total other than 0 could be read."""
    unread: list[Unread] = []
    lines = list(_list_lines(text, unread))
    tables = _read_tables(lines, unread)
    chosen = next((table for table in reversed(tables) if table.total), None)
    left_out = [table for table in tables if chosen and table is not chosen and table.rows]
    unread += [Unread(table.rows[0].line, "", "table left out: another one has the total") for table in left_out]
    rows = chosen.rows if chosen else [row for table in tables for row in table.rows]
    total = (chosen.total if chosen else None) or _find_total_line(lines, unread)
    if not rows and (total is None or total.tokens == 0):
        raise CostLogEmpty(_say_empty(unread))
    _compare_total(rows, total, unread)
    return CostLog(tuple(rows), total, _find_budget(lines, unread), tuple(sorted(unread, key=lambda one: one.line)))


def _list_lines(text: str, unread: list[Unread]) -> Iterator[tuple[int, str]]:
    """Numbered lines without markup and without what stands in code fences."""
    fence = ""
    blank_comments = re.sub(r"<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(blank_comments.removeprefix("\ufeff").splitlines(), 1):
        marker = re.match(r"\s*(```|~~~)", line)
        if marker and fence in ("", marker[1]):
            fence = "" if fence else marker[1]
        elif not fence:
            yield number, _strip_markup(line)
        elif _count_cells(line) > 1:
            unread.append(Unread(number, line.strip(), "in a code block"))


def _strip_markup(line: str) -> str:
    """Without bold, code and strokes. Escaped characters are kept, in a range of their own until the cells are cut."""
    hidden = re.sub(r"\\([!-/:-@\[-`{-~])", lambda found: chr(0xE000 + ord(found[1])), line)
    return re.sub(r"\*+|`|~~", "", hidden.replace("\u00a0", " ").replace("\u202f", " "))


def _show(text: str) -> str:
    return re.sub(r"[\ue000-\ue0ff]", lambda found: chr(ord(found[0]) - 0xE000), text).strip()


def _count_cells(line: str) -> int:
    return len(line.strip().strip("|").split("|"))


def _cut_cells(line: str) -> list[str]:
    cells = re.sub(r"^\s*\||\|\s*$", "", line).split("|")
    return [re.sub(r"^(_{1,2})(.+)\1$", r"\2", cell.strip()) for cell in cells]


def _read_tables(lines: Iterable[tuple[int, str]], unread: list[Unread]) -> list[_Table]:
    tables: list[_Table] = []
    current: _Table | None = None
    for number, line in lines:
        if _count_cells(line) < 2:
            current = None
        elif not _RULE.fullmatch(line):
            cells = _cut_cells(line)
            columns = _name_columns(cells)
            if columns or current is None:
                units = {column: read_unit(_show(cells[place]))[1] for column, place in columns.items()}
                current = _Table(columns or _BY_PLACE, units, [])
                tables.append(current)
            if not columns:
                _read_row(current, number, cells, unread)
    return tables


def _name_columns(cells: Sequence[str]) -> dict[str, int]:
    """Which column is what, by the header; empty where the line is none."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        name, _ = read_unit(_show(cell))
        if column := _COLUMN_OF.get(_spell(name)):
            found.setdefault(column, place)
    return found if {"team", "tokens"} <= found.keys() else {}


def _read_row(table: _Table, number: int, cells: Sequence[str], unread: list[Unread]) -> None:
    named = {column: cells[place] for column, place in table.columns.items() if place < len(cells)}
    team, shown = _show(named.get("team", "")), _show(" | ".join(cells))
    try:
        tokens = read_tokens(_show(named.get("tokens", "")), table.units.get("tokens", ""))
    except NumberUnreadable as error:
        unread.append(Unread(number, shown, str(error)))
        return
    if tokens is None or not team:
        unread.append(Unread(number, shown, "no tokens" if team else "no team"))
        return
    row = _add_details(CostRow(number, team, tokens), named, table.units, unread)
    if not _TOTAL.fullmatch(named["team"]):
        table.rows.append(row)
    elif table.total is None:
        table.total = row
    else:
        unread.append(Unread(number, shown, "a second total in the same table"))


def _add_details(row: CostRow, named: dict[str, str], units: Mapping[str, str], unread: list[Unread]) -> CostRow:
    """The cells beside team and tokens; one that cannot be read is reported, the row and its other cells stay."""

    def read(column: str, how: Callable[[str], T]) -> T | None:
        try:
            return how(_show(named.get(column, "")))
        except NumberUnreadable as error:
            unread.append(Unread(row.line, _show(named[column]), str(error)))
            return None

    each, word = read("each", lambda cell: read_each(cell, units.get("each", ""))) or (None, "")
    return replace(
        row,
        status=bare_word(_show(named.get("status", ""))) or word,
        cost_usd=read("cost", lambda cell: read_usd(cell, units.get("cost", ""))),
        tokens_per_deliverable=each,
        deliverables=read("deliverables", read_count),
    )


def _find_total_line(lines: Iterable[tuple[int, str]], unread: list[Unread]) -> CostRow | None:
    """A total that stands outside of tables: `TOTAL MTD: 126,600 tokens`."""
    for number, line in lines:
        match = _TOTAL_LINE.search(line)
        tokens = _read_match(number, match, unread)
        if match and tokens is not None:
            return CostRow(number, "TOTAL MTD", tokens)
    return None


def _find_budget(lines: Iterable[tuple[int, str]], unread: list[Unread]) -> int | None:
    """The limit that the log names: `Budget: 200,000 tokens`, or `used: 63.3 % (126,600 of 200,000 tokens)`."""
    for number, line in lines:
        tokens = _read_match(number, _BUDGET_LINE.search(line) or _OF_LIMIT.search(line), unread)
        if tokens:
            return tokens
    return None


def _read_match(number: int, match: re.Match[str] | None, unread: list[Unread]) -> int | None:
    try:
        return read_tokens(match[1].strip(" ,.")) if match else None
    except NumberUnreadable as error:
        unread.append(Unread(number, match.string.strip() if match else "", str(error)))
        return None


def _compare_total(rows: Sequence[CostRow], total: CostRow | None, unread: list[Unread]) -> None:
    counted = sum(row.tokens for row in rows)
    if rows and total and counted != total.tokens:
        reason = f"the total says {total.tokens:,} tokens, the rows add up to {counted:,}"
        unread.append(Unread(total.line, total.team, reason))


def _say_empty(unread: Sequence[Unread]) -> str:
    if not unread:
        return "the cost log has no rows: it needs a markdown table with the columns Team and Tokens"
    found = "; ".join(f"line {one.line}: {one.reason}" for one in unread[:5])
    return f"nothing in the cost log could be read ({found})"
