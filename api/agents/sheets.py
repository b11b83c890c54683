"""What a tool answers, before and after it is cut to so many tokens: as text and as an object, which hold the same. Pure.

A sheet is told in its order: facts, rows, lines. What does not fit any more is left out, is said to be, and how to ask for it.
Each of the two forms fits for itself, since clients show one of them to their model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from api.agents.ceilings import ceiling_tokens
from api.agents.fencing import fence, plain_value, show_line, show_value

LEAST_TOKENS, MOST_TOKENS = 150, 100_000
OVERHEAD_TOKENS = 2  # what joins one part to the next


@dataclass(frozen=True, slots=True)
class Sheet:
    """`says` is ours alone, and holds no text of others; all the rest may. `lines` are those of one text, `named` what it is.
    `more` says how to ask for what is left out; `next` goes on behind these rows."""

    says: str
    facts: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[Any]] = ()
    named: str = ""
    lines: Sequence[str] = ()
    more: str = "raise max_tokens"
    next: str | None = None
    of_rows: int | None = None  # how many there are, where that is more than are told here
    cell_characters: int = 90

    @property
    def known_facts(self) -> dict[str, Any]:
        """Those that say something."""
        return {name: value for name, value in self.facts.items() if value not in (None, "", [])}


@dataclass(frozen=True, slots=True)
class Told:
    """A sheet that fits."""

    text: str
    structured: dict[str, Any]
    rows: int = 0


@dataclass(slots=True)
class Room:
    """The tokens left for each of the two forms."""

    text: int
    structured: int

    def take(self, shown: str, value: Any) -> bool:
        """Whether both had room, which is taken then."""
        of_text = ceiling_tokens(shown) + OVERHEAD_TOKENS
        of_structured = ceiling_tokens(to_json(value).decode()) + OVERHEAD_TOKENS
        if of_text > self.text or of_structured > self.structured:
            return False
        self.text -= of_text
        self.structured -= of_structured
        return True


def fit(sheet: Sheet, max_tokens: int) -> Told:
    """The sheet in at most so many tokens in either form."""
    bare = tell(sheet, {}, 0, 0)
    of_next = ceiling_tokens(f"\nnext: {sheet.next}") + OVERHEAD_TOKENS if sheet.next is not None else 0
    room = Room(*(max_tokens - of_next - cost for cost in costs_of(bare)))
    facts = {
        name: value
        for name, value in sheet.known_facts.items()
        if room.take(show_fact(name, value), {name: plain(value)})
    }
    rows = count_fitting(room, (([join_row(row, sheet.cell_characters)], plain_row(row)) for row in sheet.rows))
    lines = count_fitting(room, (([show_line(line)], plain_value(line)) for line in sheet.lines))
    while max(costs_of(told := tell(sheet, facts, rows, lines))) > max_tokens and (facts or rows or lines):
        if lines:
            lines -= 1
        elif rows:
            rows -= 1
        else:
            facts.popitem()
    return told


def costs_of(told: Told) -> tuple[int, int]:
    return ceiling_tokens(told.text), ceiling_tokens(to_json(told.structured).decode())


def count_fitting(room: Room, parts: Iterable[tuple[list[str], Any]]) -> int:
    fitting = 0
    for [shown], value in parts:
        if not room.take(shown, value):
            break
        fitting += 1
    return fitting


def tell(sheet: Sheet, facts: dict[str, Any], rows: int, lines: int) -> Told:
    """The sheet with so many of its parts."""
    shown = [show_fact(name, value) for name, value in facts.items()]
    if sheet.columns and rows:
        shown += ["|".join(sheet.columns), *(join_row(row, sheet.cell_characters) for row in sheet.rows[:rows])]
    if lines:
        shown += [f"{sheet.named}:", *map(show_line, sheet.lines[:lines])]
    left_out = name_left_out(sheet, facts, rows, lines)
    said = [sheet.says, fence(shown)] if shown else [sheet.says]
    structured: dict[str, Any] = {"says": sheet.says}
    if facts:
        structured["facts"] = {name: plain(value) for name, value in facts.items()}
    if sheet.columns:
        structured |= {"columns": sheet.columns, "rows": [plain_row(row) for row in sheet.rows[:rows]]}
    if lines:
        structured["lines"] = [plain_value(line) for line in sheet.lines[:lines]]
    if left_out:
        said.append(f"Left out: {left_out}. For more: {sheet.more}.")
        structured["left_out"] = f"{left_out}; for more: {sheet.more}"
    if sheet.next is not None and rows == len(sheet.rows):
        said.append(f"next: {sheet.next}")
        structured["next"] = sheet.next
    return Told("\n".join(said), structured, rows)


def name_left_out(sheet: Sheet, facts: dict[str, Any], rows: int, lines: int) -> str:
    """What of it is not there, in words; empty where all is."""
    missing = [
        (len(sheet.known_facts) - len(facts), "facts"),
        ((len(sheet.rows) if sheet.of_rows is None else sheet.of_rows) - rows, "rows"),
        (len(sheet.lines) - lines, f"lines of the {sheet.named}"),
    ]
    return ", ".join(f"{number:,} {what}" for number, what in missing if number > 0)


def show_fact(name: str, value: Any) -> str:
    return f"{name}: {show_value(say(value))}"


def join_row(row: Sequence[Any], most: int) -> str:
    return "|".join(show_value(say(value), most) for value in row)


def say(value: Any) -> str:
    """A value in words."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(say, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {say(one)}" for name, one in value.items())
    return str(value)


def plain_row(row: Sequence[Any]) -> list[Any]:
    return [plain(value) for value in row]


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {plain_value(str(name), 100): plain(one) for name, one in value.items()}
    return plain_value(str(value))
